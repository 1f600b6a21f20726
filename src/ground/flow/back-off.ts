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

/**
 * `first` and `longest` are pauses in milliseconds. `uptime` is a clock in milliseconds that never
 * goes back.
 */
export function createBackOff<Server>(
  uptime: () => number,
  { first, longest }: { readonly first: number; readonly longest: number },
): BackOff<Server> {
  const pauses = new Map<Server, { readonly length: number; readonly until: number }>()
  const isBackedOff = (server: Server) => (pauses.get(server)?.until ?? -Infinity) > uptime()
  return {
    hasFailed: (server) => pauses.has(server),
    isBackedOff,
    noteFailure(server) {
      if (isBackedOff(server)) return undefined
      const before = pauses.get(server)
      const length = before ? Math.min(before.length * 2, longest) : first
      pauses.set(server, { length, until: uptime() + length })
      return length
    },
    noteAnswer: (server) => pauses.delete(server),
  }
}
