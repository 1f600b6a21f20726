/** The first and the longest pause, in milliseconds. */
export interface PauseRange {
  readonly first: number
  readonly longest: number
}

/** Returns the pause after so many pauses before it: each is twice as long as the one before. */
export function doubledPause(before: number, { first, longest }: PauseRange): number {
  return Math.min(longest, first * 2 ** before)
}

/** A pause after each failure of a server, which doubles with each failure in a row. */
export interface BackOff<Server> {
  /** Whether the server has failed since it last answered. */
  hasFailed(server: Server): boolean
  /** Whether the server has to be left alone now. */
  isBackedOff(server: Server): boolean
  /**
   * Notes a failure. Returns for how many milliseconds the server is left alone from now on, or
   * undefined if it is left alone already: that question was asked before the first failure was
   * known, so its failure says nothing new.
   */
  noteFailure(server: Server): number | undefined
  /** Notes an answer. Returns whether the server had failed before. */
  noteAnswer(server: Server): boolean
}

/** `uptime` is a clock in milliseconds that never goes back. */
export function createBackOff<Server>(uptime: () => number, range: PauseRange): BackOff<Server> {
  const failing = new Map<Server, { readonly failures: number; readonly until: number }>()
  const isBackedOff = (server: Server) => (failing.get(server)?.until ?? -Infinity) > uptime()
  return {
    hasFailed: (server) => failing.has(server),
    isBackedOff,
    noteFailure(server) {
      if (isBackedOff(server)) return undefined
      const failures = failing.get(server)?.failures ?? 0
      const length = doubledPause(failures, range)
      failing.set(server, { failures: failures + 1, until: uptime() + length })
      return length
    },
    noteAnswer: (server) => failing.delete(server),
  }
}
