/**
 * Most conversations with one server at a time; onescand(8) has this number. clamd scans MaxThreads
 * messages at once (10), holds MaxQueue (100) and refuses what comes beyond that and its
 * MaxConnectionQueueLength. All processes of a daemon together stay below.
 */
export const CONVERSATIONS_MAX = 20
/** Bytes from which on a message is large: clamd scans it for a second or more. */
export const LARGE_FROM = 1024 * 1024
/**
 * Most conversations with one server about large messages. So those of four processes leave threads
 * of clamd to small mail, which would have to wait for them otherwise.
 */
export const LARGE_CONVERSATIONS_MAX = 2

/** The conversations with each server. Messages beyond its limits wait in the order of their coming. */
export interface ServerQueue<Server> {
  /** The number of conversations with this server now. */
  underWayAt(server: Server): number
  /**
   * Resolves to a server with which a conversation may begin; call `leave` after it. Undefined if
   * `signal` comes first. `wanted` names the servers in the order of preference, and is called
   * anew whenever a conversation ends. `size` is in bytes.
   */
  take(
    wanted: () => readonly Server[],
    signal: AbortSignal,
    size?: number,
  ): Promise<Server | undefined>
  /** Ends a conversation; `size` as in `take`. */
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
  /** Counted before `take` resolves, so that no two messages get one place. */
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

  /** Lets in those that can be. A large message that waits does not hold up small ones behind it. */
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
      serve() // those who wait may want other servers by now; they come first
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
