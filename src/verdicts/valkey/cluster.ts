import { errorText } from '../../ground/errors/fault.ts'
import { withDeadline } from '../../ground/flow/deadline.ts'
import type { StoreServer } from './address.ts'
import { askOnce, type Entry, type Words } from './connection.ts'
import { ENTERED_WITHIN, keepLink, type Link } from './link.ts'
import type { Reply } from './reply-reader.ts'
import type { Servers, ServersOptions } from './ways.ts'

/** Slots of a cluster, over which its keys are spread. */
const SLOTS = 16_384
/** Milliseconds between two questions which server has which slots, while a server is away. */
const LOOKED_AGAIN_AFTER = 500
/** Least milliseconds between two such questions, however many keys have moved. */
const LOOKED_AGAIN_SOONEST = 200
/** Servers that are asked at once. */
const ASKED_MAX = 8

const SLOTS_QUESTION: Words = ['CLUSTER', 'SLOTS']

/**
 * A way to each primary of a cluster. Who they are is asked when it begins, when a key has moved,
 * and again and again while one of them is away; of all known servers at once, since one that was
 * stopped says nothing.
 */
export function openCluster(seeds: readonly StoreServer[], options: ServersOptions): Servers {
  const { entry, ready, trouble } = options
  const links = new Map<string, { readonly server: StoreServer; readonly link: Link }>()
  const over = new AbortController()
  /** The primary of each slot. */
  let owners: readonly (StoreServer | undefined)[] = []
  let timer: NodeJS.Timeout | undefined
  let isLooking = false

  async function look(): Promise<void> {
    clearTimeout(timer)
    if (isLooking || over.signal.aborted) return
    isLooking = true
    try {
      const known = [...[...links.values()].map(({ server }) => server), ...seeds]
      const asked = [...new Map(known.map((server) => [nameOf(server), server])).values()]
      take(await askWhoHasWhat(asked.slice(0, ASKED_MAX), entry, over.signal))
      trouble('cluster', undefined)
    } catch (error) {
      if (!over.signal.aborted) trouble('cluster', errorText(error))
    } finally {
      isLooking = false
    }
    watch()
  }

  /** While one of them is away, another one may have its slots at any time. */
  function watch(): void {
    if (!isWhole() && !over.signal.aborted) lookIn(LOOKED_AGAIN_AFTER)
  }

  function isWhole(): boolean {
    return owners.length > 0 && [...links.values()].every(({ link }) => link.isReady)
  }

  function lookIn(milliseconds: number): void {
    if (isLooking) return
    clearTimeout(timer)
    timer = setTimeout(look, milliseconds)
  }

  function take(found: readonly (StoreServer | undefined)[]): void {
    owners = found
    const primaries = new Map<string, StoreServer>()
    for (const server of new Set(found)) if (server) primaries.set(nameOf(server), server)
    for (const [name, { link }] of links) {
      if (primaries.has(name)) continue
      links.delete(name)
      link.close()
      trouble(name, undefined)
    }
    for (const [name, server] of primaries) {
      if (!links.has(name)) links.set(name, { server, link: linkTo(server, name) })
    }
  }

  function linkTo(server: StoreServer, name: string): Link {
    return keepLink({
      place: async () => server,
      entry,
      ready,
      trouble(why) {
        trouble(name, why)
        if (why !== undefined) watch()
      },
    })
  }

  void look()
  return {
    linkFor(key) {
      const owner = owners[slotOf(key)]
      return owner && links.get(nameOf(owner))?.link
    },
    get isWhole() {
      return isWhole()
    },
    moved: () => lookIn(LOOKED_AGAIN_SOONEST),
    close() {
      over.abort()
      clearTimeout(timer)
      for (const { link } of links.values()) link.close()
    },
  }
}

/**
 * The answer of the first server that knows; rejects with the reason of one of them if none does.
 */
async function askWhoHasWhat(
  servers: readonly StoreServer[],
  entry: Entry,
  signal: AbortSignal,
): Promise<(StoreServer | undefined)[]> {
  return withDeadline(ENTERED_WITHIN, signal, async (sooner) => {
    const answers = servers.map(async (server) => {
      return readSlots(await askOnce(server, entry, SLOTS_QUESTION, sooner), server)
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
 * The primary of each slot, from the reply to CLUSTER SLOTS: ranges of slots, each with its
 * servers, the primary first. One that does not know its own name is where it was asked.
 */
function readSlots(reply: Reply, asked: StoreServer): (StoreServer | undefined)[] {
  const owners: (StoreServer | undefined)[] = new Array(SLOTS).fill(undefined)
  const servers = new Map<string, StoreServer>()
  for (const range of Array.isArray(reply) ? reply : []) {
    const [from, to, primary] = Array.isArray(range) ? range : []
    const [name, port] = Array.isArray(primary) ? primary : []
    if (typeof from !== 'number' || typeof to !== 'number' || typeof port !== 'number') continue
    const host = String(name ?? '')
    const server = { host: host === '' || host === '?' ? asked.host : host, port }
    const same = servers.get(nameOf(server)) ?? server
    servers.set(nameOf(server), same)
    owners.fill(same, from, to + 1)
  }
  if (servers.size === 0) throw new Error('tells of no slots; is it a cluster?')
  return owners
}

function nameOf({ host, port }: StoreServer): string {
  return `${host}:${port}`
}

/** CRC16 of the key (XMODEM), as of the cluster specification; our keys have no `{`. */
function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1
    crc &= 0xffff
  }
  return crc % SLOTS
}
