/** The first and the longest pause, in milliseconds. */
interface PauseRange {
  readonly first: number
  readonly longest: number
}

/** Returns the pause after the given number of pauses: each is twice as long as the one before. */
export function doubledPause(before: number, { first, longest }: PauseRange): number {
  return Math.min(longest, first * 2 ** before)
}

/** A pause after each failure of a server, which doubles with each failure in a row. */
export class BackOff<Server> {
  readonly #uptime: () => number
  readonly #range: PauseRange
  readonly #failing = new Map<Server, { readonly failures: number; readonly until: number }>()

  /** `uptime` is a monotonic clock in milliseconds. */
  constructor(uptime: () => number, range: PauseRange) {
    this.#uptime = uptime
    this.#range = range
  }

  /** Returns whether the server has failed since its last answer. */
  hasFailed(server: Server): boolean {
    return this.#failing.has(server)
  }

  /** Returns whether the server must be avoided now. */
  isBackedOff(server: Server): boolean {
    return this.timeLeft(server) > 0
  }

  /** Returns for how many milliseconds the server has to be left alone from now on. */
  timeLeft(server: Server): number {
    return Math.max(0, (this.#failing.get(server)?.until ?? 0) - this.#uptime())
  }

  /**
   * Notes a failure. Returns the milliseconds for which the server is avoided from now on. Returns undefined
   * if the server is avoided already: that request was sent before the first failure was known, so its
   * failure adds nothing.
   */
  noteFailure(server: Server): number | undefined {
    if (this.isBackedOff(server)) return undefined
    const failures = this.#failing.get(server)?.failures ?? 0
    const length = doubledPause(failures, this.#range)
    this.#failing.set(server, { failures: failures + 1, until: this.#uptime() + length })
    return length
  }

  /** Notes an answer. Returns whether the server had failed before. */
  noteAnswer(server: Server): boolean {
    return this.#failing.delete(server)
  }
}
