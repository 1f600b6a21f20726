import { createBackOff } from '../../ground/flow/back-off.ts'

/** Milliseconds for which a server that failed is asked last, doubled with each failure in a row. */
export const FIRST_REST = 2_000
export const LONGEST_REST = 60_000

export interface Health<Server> {
  isResting(server: Server): boolean
  /** Notes that the server did not answer in time, or broke off. */
  failed(server: Server): void
  /** Notes that the server could not be reached. Returns the milliseconds for which that has been so. */
  missed(server: Server): number
  answered(server: Server): void
}

/**
 * Remembers which servers failed, so that mail does not wait for a dead one again and again.
 * `uptime` is in milliseconds. `changed` is called once when a server begins to fail, and once when
 * it answers again.
 */
export function createHealth<Server>(
  uptime: () => number = () => performance.now(),
  changed: (server: Server, state: 'fails' | 'answers') => void = () => {},
): Health<Server> {
  const rests = createBackOff<Server>(uptime, { first: FIRST_REST, longest: LONGEST_REST })
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
      const since = missing.get(server) ?? uptime()
      missing.set(server, since)
      return uptime() - since
    },
    answered(server) {
      if (rests.noteAnswer(server)) changed(server, 'answers')
      missing.delete(server)
    },
  }
}
