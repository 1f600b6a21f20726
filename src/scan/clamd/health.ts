/** Milliseconds for which a server that failed is asked last; doubled with each failure in a row. */
export const FIRST_REST = 2_000
export const LONGEST_REST = 60_000

export interface Health<Server> {
  isResting(server: Server): boolean
  /** It did not answer in time, or broke off. */
  failed(server: Server): void
  /** It could not be reached, which counts as a failure. Milliseconds for which that has been so. */
  missed(server: Server): number
  answered(server: Server): void
}

/**
 * Remembers which servers failed, so that a daemon's mail does not wait for a dead one
 * again and again. `now` in milliseconds, on a clock that never goes back.
 */
export function createHealth<Server>(now: () => number = () => performance.now()): Health<Server> {
  const ill = new Map<Server, { readonly until: number; readonly rest: number }>()
  const missing = new Map<Server, number>()

  function failed(server: Server): void {
    const before = ill.get(server)
    // What was asked before the first failure was known says nothing new.
    if (before !== undefined && before.until > now()) return
    const rest = before ? Math.min(before.rest * 2, LONGEST_REST) : FIRST_REST
    ill.set(server, { until: now() + rest, rest })
  }

  return {
    isResting: (server) => (ill.get(server)?.until ?? Number.NEGATIVE_INFINITY) > now(),
    failed(server) {
      missing.delete(server)
      failed(server)
    },
    missed(server) {
      failed(server)
      const since = missing.get(server) ?? now()
      missing.set(server, since)
      return now() - since
    },
    answered(server) {
      ill.delete(server)
      missing.delete(server)
    },
  }
}
