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

interface WaitingMessage<Server> {
  readonly isLarge: boolean
  wanted(): readonly Server[]
  take(server: Server): void
}

interface ServerLoad {
  all: number
  large: number
}

/** The conversations with each server. Messages beyond its limits wait in the order of their coming. */
export class ServerQueue<Server> {
  readonly #atEach: number
  readonly #largeAtEach: number
  /** Counted before `take` resolves, so that no two messages get one place. */
  readonly #taken = new Map<Server, ServerLoad>()
  readonly #waiting = new Set<WaitingMessage<Server>>()

  constructor(atEach: number = CONVERSATIONS_MAX, largeAtEach: number = LARGE_CONVERSATIONS_MAX) {
    this.#atEach = atEach
    this.#largeAtEach = largeAtEach
  }

  /** The number of conversations with this server now. */
  underWayAt(server: Server): number {
    return this.#taken.get(server)?.all ?? 0
  }

  /**
   * Resolves to a server with which a conversation may begin; call `leave` after it. Undefined if
   * `signal` comes first. `wanted` names the servers in the order of preference, and is called
   * anew whenever a conversation ends. `size` is in bytes.
   */
  async take(
    wanted: () => readonly Server[],
    signal: AbortSignal,
    size = 0,
  ): Promise<Server | undefined> {
    if (signal.aborted) return undefined
    this.#serve() // those who wait may want other servers by now; they come first
    const isLarge = size >= LARGE_FROM
    const free = this.#find(wanted(), isLarge)
    if (free !== undefined) return free
    return new Promise((resolve) => {
      const finish = (server: Server | undefined) => {
        this.#waiting.delete(entry)
        signal.removeEventListener('abort', leave)
        resolve(server)
      }
      const leave = () => finish(undefined)
      const entry: WaitingMessage<Server> = { isLarge, wanted, take: finish }
      this.#waiting.add(entry)
      signal.addEventListener('abort', leave)
    })
  }

  /** Ends a conversation; `size` as in `take`. */
  leave(server: Server, size = 0): void {
    this.#count(server, size >= LARGE_FROM, -1)
    this.#serve()
  }

  /** Lets in those that can be. A large message that waits does not hold up small ones behind it. */
  #serve(): void {
    for (const next of this.#waiting) {
      const free = this.#find(next.wanted(), next.isLarge)
      if (free !== undefined) next.take(free)
    }
  }

  #find(wanted: readonly Server[], isLarge: boolean): Server | undefined {
    const free = wanted.find((server) => {
      const { all, large } = this.#takenOf(server)
      return all < this.#atEach && (!isLarge || large < this.#largeAtEach)
    })
    if (free !== undefined) this.#count(free, isLarge, 1)
    return free
  }

  #count(server: Server, isLarge: boolean, more: 1 | -1): void {
    const known = this.#takenOf(server)
    known.all += more
    if (isLarge) known.large += more
  }

  #takenOf(server: Server): ServerLoad {
    const known = this.#taken.get(server) ?? { all: 0, large: 0 }
    this.#taken.set(server, known)
    return known
  }
}
