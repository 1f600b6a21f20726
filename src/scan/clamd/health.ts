import { createBackOff } from '../../ground/flow/back-off.ts'

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
 * again and again. `now` in milliseconds, on a clock that never goes back. `changed` is told
 * once when one begins to fail, and once when it answers again.
 */
export function createHealth<Server>(
  now: () => number = () => performance.now(),
  changed: (server: Server, state: 'fails' | 'answers') => void = () => {},
): Health<Server> {
  const rests = createBackOff<Server>(now, { first: FIRST_REST, longest: LONGEST_REST })
  const missing = new Map<Server, number>()

  function fail(server: Server): void {
    if (!rests.hasFailed(server)) changed(server, 'fails')
    rests.noteFailure(server)
  }

  return {
    isResting: rests.isBackedOff,
    failed(server) {
      missing.delete(server)
      fail(server)
    },
    missed(server) {
      fail(server)
      const since = missing.get(server) ?? now()
      missing.set(server, since)
      return now() - since
    },
    answered(server) {
      if (rests.noteAnswer(server)) changed(server, 'answers')
      missing.delete(server)
    },
  }
}
