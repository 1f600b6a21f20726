/** Servers that failed; each is left alone for a while. */
export interface Rests<Server> {
  /** Whether the server has failed since it last answered. */
  hasFailed(server: Server): boolean
  /** Whether the server should be left alone now. */
  isResting(server: Server): boolean
  /**
   * Notes a failure. Returns for how many milliseconds the server rests from now on: twice as long
   * with each failure in a row. Undefined if it rests already: that question was asked before the
   * first failure was known, so its failure says nothing new.
   */
  failed(server: Server): number | undefined
  /** Notes an answer. Returns whether the server had failed before. */
  answered(server: Server): boolean
}

/**
 * `first` and `longest` are rests in milliseconds; `now` is a clock in milliseconds that never goes
 * back.
 */
export function createRests<Server>(
  now: () => number,
  { first, longest }: { readonly first: number; readonly longest: number },
): Rests<Server> {
  const rests = new Map<Server, { readonly length: number; readonly until: number }>()
  const isResting = (server: Server) => (rests.get(server)?.until ?? -Infinity) > now()
  return {
    hasFailed: (server) => rests.has(server),
    isResting,
    failed(server) {
      if (isResting(server)) return undefined
      const before = rests.get(server)
      const length = before ? Math.min(before.length * 2, longest) : first
      rests.set(server, { length, until: now() + length })
      return length
    },
    answered: (server) => rests.delete(server),
  }
}
