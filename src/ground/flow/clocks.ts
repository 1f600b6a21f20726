/** The two clocks of a process; whatever needs the time gets them as arguments. */
export interface Clocks {
  /** The wall clock, milliseconds since 1970: for times that hosts and files name. */
  readonly now: () => number
  /** Milliseconds on a clock that nobody sets: for durations and deadlines. */
  readonly uptime: () => number
}
