/** A line of the log, and when the process logged it, in milliseconds since 1970. */
export interface LoggedLine {
  readonly line: string
  readonly time: number
}

/**
 * The most milliseconds that lines wait for the report of a process, and that a line waits at all:
 * the wall clock may be set back.
 */
const WAIT_MAX = 3_000

export interface LineOrder {
  /** Takes the lines of a process. It has reported all that it logged before `until`. */
  add(process: number, lines: readonly LoggedLine[], until: number): void
  /** Forgets a process, which will report nothing more. */
  forget(process: number): void
  /** Returns the lines before which no other line can come any more, the oldest first. */
  take(): LoggedLine[]
}

/**
 * Puts the lines of several processes into one order. Each process reports its lines once a second.
 * So a line waits until all other processes have reported up to its time, or until it has waited
 * too long. `uptime` is a clock in milliseconds that nobody sets.
 */
export function createLineOrder(uptime: () => number): LineOrder {
  /** Up to when each process has reported, and when it did so. */
  const reported = new Map<number, { readonly until: number; readonly at: number }>()
  let waiting: (LoggedLine & { readonly since: number })[] = []
  return {
    add(process, lines, until) {
      const since = uptime()
      for (const logged of lines) waiting.push({ ...logged, since })
      reported.set(process, { until, at: since })
    },
    forget: (process) => reported.delete(process),
    take() {
      const uptimeNow = uptime()
      let until = Number.POSITIVE_INFINITY
      for (const process of reported.values()) {
        if (uptimeNow - process.at <= WAIT_MAX) until = Math.min(until, process.until)
      }
      const taken: LoggedLine[] = []
      const left: typeof waiting = []
      for (const logged of waiting) {
        const { line, time, since } = logged
        if (time <= until || uptimeNow - since > WAIT_MAX) taken.push({ line, time })
        else left.push(logged)
      }
      waiting = left
      return taken.sort((former, latter) => former.time - latter.time)
    },
  }
}
