/**
 * Conversations with one server at once; onescand(8) has this number. clamd scans for
 * MaxThreads of them (10), holds MaxQueue (100) and refuses what comes above that and its
 * MaxConnectionQueueLength: all processes of a daemon together stay below.
 */
export const CONVERSATIONS_MAX = 20
/** Bytes from which on a message is large: one takes a thread of clamd's for a second and more. */
export const LARGE_FROM = 1024 * 1024
/**
 * Of these places, those that large messages may have. So the large ones of four processes leave
 * clamd threads for small mail, which would wait for a large message to end otherwise.
 */
export const LARGE_CONVERSATIONS_MAX = 2

/** Places at servers. Those who find none wait in the order of their coming. */
export interface ServerQueue<Server> {
  /** Conversations with this server at this moment. */
  underWayAt(server: Server): number
  /**
   * One of the servers that has a place, to be left again; undefined if `signal` comes
   * first. `wanted` names them in the order of preference; it is asked again whenever a
   * place becomes free. `size` in bytes.
   */
  take(
    wanted: () => readonly Server[],
    signal: AbortSignal,
    size?: number,
  ): Promise<Server | undefined>
  /** `size` as it was taken for. */
  leave(server: Server, size?: number): void
}

interface WaitingMessage<Server> {
  readonly isLarge: boolean
  wanted(): readonly Server[]
  take(server: Server): void
}

interface ServerLoad {
  all: number
  large: number
}

export function createServerQueue<Server>(
  atEach: number = CONVERSATIONS_MAX,
  largeAtEach: number = LARGE_CONVERSATIONS_MAX,
): ServerQueue<Server> {
  /** Of all messages; counted up before anybody is told, so that no two get one place. */
  const taken = new Map<Server, ServerLoad>()
  const waiting = new Set<WaitingMessage<Server>>()

  function takenOf(server: Server): ServerLoad {
    const known = taken.get(server) ?? { all: 0, large: 0 }
    taken.set(server, known)
    return known
  }

  function find(wanted: readonly Server[], isLarge: boolean): Server | undefined {
    const free = wanted.find((server) => {
      const { all, large } = takenOf(server)
      return all < atEach && (!isLarge || large < largeAtEach)
    })
    if (free !== undefined) count(free, isLarge, 1)
    return free
  }

  function count(server: Server, isLarge: boolean, more: 1 | -1): void {
    const known = takenOf(server)
    known.all += more
    if (isLarge) known.large += more
  }

  /** A large message that waits keeps no small one behind it from its place. */
  function serve(): void {
    for (const next of waiting) {
      const free = find(next.wanted(), next.isLarge)
      if (free !== undefined) next.take(free)
    }
  }

  return {
    underWayAt: (server) => taken.get(server)?.all ?? 0,
    async take(wanted, signal, size = 0) {
      if (signal.aborted) return undefined
      serve() // what they want may have become free without a word, and nobody is overtaken
      const isLarge = size >= LARGE_FROM
      const free = find(wanted(), isLarge)
      if (free !== undefined) return free
      return new Promise((resolve) => {
        const finish = (server: Server | undefined) => {
          waiting.delete(entry)
          signal.removeEventListener('abort', leave)
          resolve(server)
        }
        const leave = () => finish(undefined)
        const entry: WaitingMessage<Server> = { isLarge, wanted, take: finish }
        waiting.add(entry)
        signal.addEventListener('abort', leave)
      })
    },
    leave(server, size = 0) {
      count(server, size >= LARGE_FROM, -1)
      serve()
    },
  }
}
