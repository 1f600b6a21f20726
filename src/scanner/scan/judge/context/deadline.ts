/**
 * The time limit of a message, and whether a caller still waits for it. A door creates one for each
 * message.
 */
export class Deadline {
  /** Aborted when no client waits for the decision any longer. Scanners then end their work. */
  readonly gone: AbortSignal | undefined
  /** Set by scanners when they begin: of waiting messages, those that have begun go first. */
  readonly progress = { hasBegun: false }
  readonly #uptime: () => number
  readonly #end: number
  #scanningSince: number | undefined

  /**
   * `uptime` is a monotonic clock. The client waits for `within` milliseconds from now on, which limits the
   * whole message.
   */
  constructor(
    uptime: () => number,
    {
      gone,
      within = Number.POSITIVE_INFINITY,
    }: { gone?: AbortSignal; within?: number | undefined } = {},
  ) {
    this.gone = gone
    this.#uptime = uptime
    this.#end = uptime() + within
  }

  /**
   * Returns a function for the milliseconds that scanners have left, at least 1. All scans of the message
   * together have `timeout` milliseconds, from the first call on.
   */
  forScans(timeout: number): () => number {
    this.#scanningSince ??= this.#uptime()
    const end = Math.min(this.#scanningSince + timeout, this.#end)
    return () => Math.max(1, end - this.#uptime())
  }
}
