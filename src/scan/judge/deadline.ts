/** How long a message may take, and whether a caller waits for it. A door makes one for each message. */
export class Deadline {
  /** Aborted when nobody waits for the decision any more: scanners end their work then. */
  readonly gone: AbortSignal | undefined
  /** Set by scanners when they begin: of messages that wait for them, what has begun goes first. */
  readonly progress = { hasBegun: false }
  readonly #uptime: () => number
  readonly #end: number
  #scanningSince: number | undefined

  /**
   * `uptime` is a clock that nobody sets. The client waits for `within` milliseconds from now on:
   * the whole message has no more.
   */
  constructor(
    uptime: () => number,
    { gone, within = Number.POSITIVE_INFINITY }: { gone?: AbortSignal; within?: number } = {},
  ) {
    this.gone = gone
    this.#uptime = uptime
    this.#end = uptime() + within
  }

  /**
   * Returns what tells the milliseconds that scanners have left, one at least. All scans of the message
   * together have `timeout` milliseconds, from the first call on.
   */
  forScans(timeout: number): () => number {
    this.#scanningSince ??= this.#uptime()
    const end = Math.min(this.#scanningSince + timeout, this.#end)
    return () => Math.max(1, end - this.#uptime())
  }
}
