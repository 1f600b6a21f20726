import { errorText } from '../../ground/errors/fault.ts'
import type { Endpoint } from '../../ground/net/endpoint.ts'
import { openConnection, type StoreLogin } from './connection.ts'
import { RespError } from './resp-reader.ts'

/** Milliseconds for the other sentinels after the first one has answered. */
const OTHERS_WITHIN = 500

/** What sentinels need to let this process in: a password, if they have one, and TLS. */
type SentinelLogin = Omit<StoreLogin, 'user' | 'database'>

/**
 * Resolves to the primary of this name: the one that more than half of the sentinels name, as soon as
 * they do; otherwise the one that most of those name that answer in time. So a sentinel that hangs costs
 * nothing if there are others, and a sentinel that still names the former primary is outvoted. Rejects
 * with the last error if none knows.
 */
export async function findPrimary(
  sentinels: readonly Endpoint[],
  name: string,
  login: SentinelLogin,
  signal: AbortSignal,
): Promise<Endpoint> {
  const votes = new Map<string, { readonly server: Endpoint; count: number }>()
  const over = new AbortController()
  const sooner = AbortSignal.any([signal, over.signal])
  let timer: NodeJS.Timeout | undefined
  let trouble: unknown
  try {
    return await new Promise((resolve, reject) => {
      let left = sentinels.length
      const decide = () => {
        const [most] = [...votes.values()].toSorted((a, b) => b.count - a.count)
        if (most === undefined) reject(trouble)
        else resolve(most.server)
      }
      for (const sentinel of sentinels) {
        askSentinel(sentinel, name, login, sooner)
          .then((server) => {
            const key = `${server.host} ${server.port}`
            const vote = votes.get(key) ?? { server, count: 0 }
            votes.set(key, vote)
            vote.count++
            if (vote.count * 2 > sentinels.length) resolve(server)
            timer ??= setTimeout(decide, OTHERS_WITHIN)
          })
          .catch((error) => {
            if (!over.signal.aborted) trouble = error
          })
          .finally(() => --left === 0 && decide())
      }
    })
  } finally {
    clearTimeout(timer)
    over.abort()
  }
}

async function askSentinel(
  { host, port }: Endpoint,
  name: string,
  login: SentinelLogin,
  signal: AbortSignal,
): Promise<Endpoint> {
  const question = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]
  const whole = { ...login, user: undefined, database: 0 }
  try {
    const { connection, reply } = await openConnection({ host, port }, whole, question, signal)
    connection.close()
    if (!Array.isArray(reply) || reply.length !== 2) throw new Error(`knows of no ${name}`)
    return { host: String(reply[0]), port: Number(reply[1]) }
  } catch (error) {
    const why = `sentinel ${host}:${port}: ${errorText(error)}`
    throw error instanceof RespError ? new RespError(why) : new Error(why, { cause: error })
  }
}
