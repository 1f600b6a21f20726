import { errorText } from '../../ground/errors/fault.ts'
import { inTime } from '../../ground/flow/deadline.ts'
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
 * with the error of the last one if none knows.
 */
export async function findPrimary(
  sentinels: readonly Endpoint[],
  name: string,
  login: SentinelLogin,
  signal: AbortSignal,
): Promise<Endpoint> {
  const over = new AbortController()
  const sooner = AbortSignal.any([signal, over.signal])
  const asked = sentinels.map((sentinel) => askSentinel(sentinel, name, login, sooner))
  const votes = new Map<string, { readonly server: Endpoint; count: number }>()
  const vote = async (named: Promise<Endpoint>) => {
    const server = await named
    const key = `${server.host} ${server.port}`
    const known = votes.get(key) ?? { server, count: 0 }
    votes.set(key, known)
    if (++known.count * 2 <= sentinels.length) throw new Error('not the choice of most')
  }
  const elected = Promise.any(asked.map(vote)).catch(() => {}) // or all have answered or failed
  try {
    await Promise.any(asked)
    await inTime(elected, OTHERS_WITHIN)
    const [most] = [...votes.values()].toSorted((a, b) => b.count - a.count)
    return most!.server
  } catch (error) {
    throw (error as AggregateError).errors.at(-1)
  } finally {
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
