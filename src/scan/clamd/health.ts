import { BackOff } from '../../ground/flow/back-off.ts'

/** Milliseconds for which a server that failed is asked last, doubled with each failure in a row. */
export const FIRST_REST = 2_000
export const LONGEST_REST = 60_000

/**
 * Remembers which servers failed, so that mail does not wait for a dead one again and again.
 */
export class Health<Server> {
  readonly #uptime: () => number
  readonly #changed: (server: Server, state: 'fails' | 'answers') => void
  readonly #rests: BackOff<Server>
  readonly #missing = new Map<Server, number>()

  /**
   * `uptime` is in milliseconds. `changed` is called once when a server begins to fail, and once when
   * it answers again.
   */
  constructor(
    uptime: () => number = () => performance.now(),
    changed: (server: Server, state: 'fails' | 'answers') => void = () => {},
  ) {
    this.#uptime = uptime
    this.#changed = changed
    this.#rests = new BackOff(uptime, { first: FIRST_REST, longest: LONGEST_REST })
  }

  isResting(server: Server): boolean {
    return this.#rests.isBackedOff(server)
  }

  /** Notes that the server did not answer in time, or broke off. */
  failed(server: Server): void {
    this.#missing.delete(server)
    this.#fail(server)
  }

  /** Notes that the server could not be reached. Returns the milliseconds for which that has been so. */
  missed(server: Server): number {
    this.#fail(server)
    const since = this.#missing.get(server) ?? this.#uptime()
    this.#missing.set(server, since)
    return this.#uptime() - since
  }

  answered(server: Server): void {
    if (this.#rests.noteAnswer(server)) this.#changed(server, 'answers')
    this.#missing.delete(server)
  }

  #fail(server: Server): void {
    if (!this.#rests.hasFailed(server)) this.#changed(server, 'fails')
    this.#rests.noteFailure(server)
  }
}
