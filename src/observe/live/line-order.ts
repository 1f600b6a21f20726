/** A line of the log, and the time at which the process logged it, in milliseconds since 1970. */
export interface LoggedLine {
  readonly line: string
  readonly time: number
}

/**
 * Upper limit, in milliseconds, for the time that lines wait for the report of a process, and for any wait of
 * a line: the wall clock may be set back.
 */
const WAIT_MAX = 3_000

/**
 * Puts the lines of several processes into one order. Each process reports its lines once a second.
 * So a line waits until all other processes have reported up to its time, or until it has waited
 * too long.
 */
export class LineOrder<Logged extends LoggedLine> {
  readonly #uptime: () => number
  /** Up to when each process has reported, and when it did so. */
  readonly #reported = new Map<number, { readonly until: number; readonly at: number }>()
  /** The lines whose turn has not come, and the beginning of each wait. */
  #waiting: { readonly logged: Logged; readonly since: number }[] = []

  /** `uptime` is a monotonic clock in milliseconds. */
  constructor(uptime: () => number) {
    this.#uptime = uptime
  }

  /** Takes the lines of a process. It has reported all that it logged before `until`. */
  add(process: number, lines: readonly Logged[], until: number): void {
    const since = this.#uptime()
    for (const logged of lines) this.#waiting.push({ logged, since })
    this.#reported.set(process, { until, at: since })
  }

  /** Forgets a process, which will report nothing more. */
  forget(process: number): void {
    this.#reported.delete(process)
  }

  /** Returns the lines that no other line can precede any longer, the oldest first. */
  take(): Logged[] {
    const now = this.#uptime()
    let until = Number.POSITIVE_INFINITY
    for (const process of this.#reported.values()) {
      if (now - process.at <= WAIT_MAX) until = Math.min(until, process.until)
    }
    const taken: Logged[] = []
    this.#waiting = this.#waiting.filter(({ logged, since }) => {
      const isDue = logged.time <= until || now - since > WAIT_MAX
      if (isDue) taken.push(logged)
      return !isDue
    })
    return taken.sort((former, latter) => former.time - latter.time)
  }
}
