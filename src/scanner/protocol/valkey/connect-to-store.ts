import { errorText } from '../../../base/errors/fault.ts'
import { withTimeout } from '../../../base/flow/timeout.ts'
import { writeEndpoint } from '../../../base/net/endpoint.ts'
import type { DialledEndpoint } from '../../../base/protocol/connection/dial.ts'
import { RespError, type RespValue } from './resp-reader.ts'
import type { SingleAddress, StoreAccess } from './store-address.ts'
import {
  openConnection,
  type RespCommand,
  type StoreLogin,
  type ValkeyConnection,
} from './valkey-connection.ts'

/** Milliseconds for the other sentinels after the first one has answered. */
const OTHER_SENTINELS_TIMEOUT = 500

/**
 * Connects to the server of a store, or to the primary that sentinels name, and sends a first request.
 * Rejects with a reason in one line, also if the server refuses the request. The signal ends it in any step.
 */
export async function connectToStore(
  access: StoreAccess<SingleAddress>,
  question: RespCommand,
  signal: AbortSignal,
): Promise<{ readonly connection: ValkeyConnection; readonly reply: RespValue }> {
  const { address, ...secrets } = access
  const isServer = address.kind === 'server'
  const server = isServer ? address.server : await findPrimary(address, secrets, signal)
  const login = { ...secrets, user: address.user, database: isServer ? address.database : 0 }
  return openConnection(server, login, question, signal)
}

/**
 * Resolves to the primary of this name: the one that more than half of the sentinels name, as soon as they
 * do. Otherwise it is the one that most sentinels name, among those that answer in time. So a sentinel that
 * hangs causes no delay if there are others, and a sentinel that still names the former primary is outvoted.
 * If no sentinel names a primary, rejects with the error of the last one.
 */
async function findPrimary(
  { servers: sentinels, name }: Extract<SingleAddress, { kind: 'sentinel' }>,
  { sentinelPassword: password, authorities }: Omit<StoreAccess, 'address'>,
  signal: AbortSignal,
): Promise<DialledEndpoint> {
  const login = { authorities, user: undefined, password, database: 0 }
  const over = new AbortController()
  const sooner = AbortSignal.any([signal, over.signal])
  const asked = sentinels.map((sentinel) => askSentinel(sentinel, name, login, sooner))
  const votes = new Map<string, { readonly server: DialledEndpoint; count: number }>()
  const vote = async (named: Promise<DialledEndpoint>) => {
    const server = await named
    const key = `${server.host} ${server.port}`
    const known = votes.get(key) ?? { server, count: 0 }
    votes.set(key, known)
    if (++known.count * 2 <= sentinels.length)
      throw new Error('not confirmed by a majority of the sentinels')
  }
  const elected = Promise.any(asked.map(vote)).catch(() => {}) // or all have answered or failed
  try {
    await Promise.any(asked)
    await withTimeout(elected, OTHER_SENTINELS_TIMEOUT)
    const [most] = [...votes.values()].toSorted((a, b) => b.count - a.count)
    return most!.server
  } catch (error) {
    throw (error as AggregateError).errors.at(-1)
  } finally {
    over.abort()
  }
}

async function askSentinel(
  sentinel: DialledEndpoint,
  name: string,
  login: StoreLogin,
  signal: AbortSignal,
): Promise<DialledEndpoint> {
  const question = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]
  try {
    const { connection, reply } = await openConnection(sentinel, login, question, signal)
    connection.close()
    if (!Array.isArray(reply) || reply.length !== 2) throw new Error(`does not know ${name}`)
    return { ...sentinel, host: String(reply[0]), port: Number(reply[1]) }
  } catch (error) {
    const reason = `sentinel ${writeEndpoint(sentinel)}: ${errorText(error)}`
    throw error instanceof RespError ? new RespError(reason) : new Error(reason, { cause: error })
  }
}
