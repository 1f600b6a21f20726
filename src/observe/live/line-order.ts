/** One line of the log, and when the process logged it: milliseconds since 1970. */
export interface LoggedLine {
  readonly line: string
  readonly time: number
}

/**
 * Milliseconds for which a process that has not told of its lines is waited for, and for which a
 * line waits at most: the wall clock may be set back.
 */
const WAIT_MAX = 3_000

export interface LineOrder {
  /** A process told these, and all before: up to `told`, milliseconds since 1970. */
  add(process: number, lines: readonly LoggedLine[], told: number): void
  /** The process will tell nothing more. */
  forget(process: number): void
  /** The lines before which no other line can come any more, the oldest first. */
  take(): LoggedLine[]
}

/**
 * Puts the lines of several processes into one order. Each tells once a second of what it logged
 * since the last time, so a line waits until all others have told up to its time, or until it has
 * waited too long. `uptime` is a clock that nobody sets, in milliseconds.
 */
export function createLineOrder(uptime: () => number): LineOrder {
  /** Up to when each process has told, and when it did so. */
  const told = new Map<number, { readonly until: number; readonly at: number }>()
  let waiting: (LoggedLine & { readonly since: number })[] = []
  return {
    add(process, lines, until) {
      const since = uptime()
      for (const logged of lines) waiting.push({ ...logged, since })
      told.set(process, { until, at: since })
    },
    forget: (process) => told.delete(process),
    take() {
      const now = uptime()
      let until = Number.POSITIVE_INFINITY
      for (const process of told.values()) {
        if (now - process.at <= WAIT_MAX) until = Math.min(until, process.until)
      }
      const taken: LoggedLine[] = []
      const left: typeof waiting = []
      for (const logged of waiting) {
        const { line, time, since } = logged
        if (time <= until || now - since > WAIT_MAX) taken.push({ line, time })
        else left.push(logged)
      }
      waiting = left
      return taken.sort((former, latter) => former.time - latter.time)
    },
  }
}
