import { errorText } from '../../ground/errors/fault.ts'
import { withDeadline } from '../../ground/flow/deadline.ts'
import type { StoreServer } from './address.ts'
import { askOnce, type RespCommand, type StoreLogin } from './connection.ts'
import { ENTERED_WITHIN, keepConnection, type LastingConnection } from './lasting-connection.ts'
import type { RespValue } from './resp-reader.ts'
import type { StoreServers, StoreServersOptions } from './store-servers.ts'

/** The number of slots over which a cluster spreads its keys. */
const SLOTS = 16_384
/** Milliseconds between two questions about the slots while a server is away. */
const ASKED_AGAIN_AFTER = 500
/** Milliseconds before such a question after a key has moved, however many keys have. */
const ASKED_AGAIN_SOONEST = 200
/** Most servers that are asked at once. */
const ASKED_MAX = 8

const SLOTS_QUESTION: RespCommand = ['CLUSTER', 'SLOTS']

/**
 * Connects to each primary of a cluster. Which servers are primaries is asked at the beginning, when a
 * key has moved, and again and again while one of them is away. All known servers are asked at once,
 * because a stopped one says nothing.
 */
export function openCluster(
  seeds: readonly StoreServer[],
  options: StoreServersOptions,
): StoreServers {
  const { login, ready, trouble } = options
  const connections = new Map<
    string,
    { readonly server: StoreServer; readonly connection: LastingConnection }
  >()
  const over = new AbortController()
  /** The primary of each slot. */
  let owners: readonly (StoreServer | undefined)[] = []
  let timer: NodeJS.Timeout | undefined
  let isAsking = false

  async function ask(): Promise<void> {
    clearTimeout(timer)
    if (isAsking || over.signal.aborted) return
    isAsking = true
    try {
      const known = [...[...connections.values()].map(({ server }) => server), ...seeds]
      const asked = [...new Map(known.map((server) => [serverKey(server), server])).values()]
      take(await askWhoHasWhat(asked.slice(0, ASKED_MAX), login, over.signal))
      trouble('cluster', undefined)
    } catch (error) {
      if (!over.signal.aborted) trouble('cluster', errorText(error))
    } finally {
      isAsking = false
    }
    watch()
  }

  /** Asks again while a server is away: another one may get its slots at any time. */
  function watch(): void {
    if (!isWhole() && !over.signal.aborted) askIn(ASKED_AGAIN_AFTER)
  }

  function isWhole(): boolean {
    return (
      owners.length > 0 && [...connections.values()].every(({ connection }) => connection.isReady)
    )
  }

  function askIn(milliseconds: number): void {
    if (isAsking) return
    clearTimeout(timer)
    timer = setTimeout(ask, milliseconds)
  }

  function take(found: readonly (StoreServer | undefined)[]): void {
    owners = found
    const primaries = new Map<string, StoreServer>()
    for (const server of new Set(found)) if (server) primaries.set(serverKey(server), server)
    for (const [name, { connection }] of connections) {
      if (primaries.has(name)) continue
      connections.delete(name)
      connection.close()
      trouble(name, undefined)
    }
    for (const [name, server] of primaries) {
      if (!connections.has(name))
        connections.set(name, { server, connection: connectTo(server, name) })
    }
  }

  function connectTo(server: StoreServer, name: string): LastingConnection {
    return keepConnection({
      endpoint: async () => server,
      login,
      ready,
      trouble(why) {
        trouble(name, why)
        if (why !== undefined) watch()
      },
    })
  }

  void ask()
  return {
    connectionFor(key) {
      const owner = owners[slotOf(key)]
      return owner && connections.get(serverKey(owner))?.connection
    },
    get isWhole() {
      return isWhole()
    },
    moved: () => askIn(ASKED_AGAIN_SOONEST),
    close() {
      over.abort()
      clearTimeout(timer)
      for (const { connection } of connections.values()) connection.close()
    },
  }
}

/**
 * Resolves to the answer of the first server that knows the slots. Rejects with the reason of one of the
 * servers if none knows.
 */
async function askWhoHasWhat(
  servers: readonly StoreServer[],
  login: StoreLogin,
  signal: AbortSignal,
): Promise<(StoreServer | undefined)[]> {
  return withDeadline(ENTERED_WITHIN, signal, async (sooner) => {
    const answers = servers.map(async (server) => {
      return readSlots(await askOnce(server, login, SLOTS_QUESTION, sooner), server)
    })
    try {
      return await Promise.any(answers)
    } catch (error) {
      if (sooner.aborted) throw new Error(`no answer in ${ENTERED_WITHIN} ms`)
      throw (error as AggregateError).errors.at(-1)
    }
  })
}

/**
 * Returns the primary of each slot. The reply to CLUSTER SLOTS has ranges of slots, each with its servers,
 * the primary first. A server that does not know its own name has the address at which it was asked.
 */
function readSlots(reply: RespValue, asked: StoreServer): (StoreServer | undefined)[] {
  const owners: (StoreServer | undefined)[] = new Array(SLOTS).fill(undefined)
  const servers = new Map<string, StoreServer>()
  for (const range of Array.isArray(reply) ? reply : []) {
    const [from, to, primary] = Array.isArray(range) ? range : []
    const [name, port] = Array.isArray(primary) ? primary : []
    if (typeof from !== 'number' || typeof to !== 'number' || typeof port !== 'number') continue
    const host = String(name ?? '')
    const server = { host: host === '' || host === '?' ? asked.host : host, port }
    const same = servers.get(serverKey(server)) ?? server
    servers.set(serverKey(server), same)
    owners.fill(same, from, to + 1)
  }
  if (servers.size === 0) throw new Error('tells of no slots; is it a cluster?')
  return owners
}

function serverKey({ host, port }: StoreServer): string {
  return `${host}:${port}`
}

/** The slot of a key: its CRC16 (XMODEM), as the cluster specification says. Our keys have no `{`. */
function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
    crc &= 0xffff
  }
  return crc % SLOTS
}
