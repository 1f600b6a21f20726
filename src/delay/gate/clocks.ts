/** Milliseconds on a clock that nobody sets, and since 1970. */
export interface Clocks {
  readonly uptime: () => number
  readonly now: () => number
}
