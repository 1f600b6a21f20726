/** Milliseconds for which a server that failed is asked last; doubled with each failure in a row. */
export const FIRST_REST = 2_000
export const LONGEST_REST = 60_000

export interface Health<Server> {
  /** Those in health in their order, then those at rest: if nobody else answers, one of them may. */
  inOrder(): readonly Server[]
  failed(server: Server): void
  answered(server: Server): void
}

/**
 * Remembers which servers failed, so that a daemon's mail does not wait for a dead one
 * again and again. `now` in milliseconds.
 */
export function createHealth<Server>(
  servers: readonly Server[],
  now: () => number = () => performance.now(),
): Health<Server> {
  const ill = new Map<Server, { readonly until: number; readonly rest: number }>()
  return {
    inOrder() {
      if (ill.size === 0) return servers
      const time = now()
      const resting = servers.filter((server) => (ill.get(server)?.until ?? 0) > time)
      return [...servers.filter((server) => !resting.includes(server)), ...resting]
    },
    failed(server) {
      const before = ill.get(server)
      // What was asked before the first failure was known says nothing new.
      if (before !== undefined && before.until > now()) return
      const rest = before ? Math.min(before.rest * 2, LONGEST_REST) : FIRST_REST
      ill.set(server, { until: now() + rest, rest })
    },
    answered: (server) => void ill.delete(server),
  }
}
