import { LruCache } from '../../base/flow/cache.ts'

/** Upper limit for the stored clients. A new one replaces one that was not seen for longest. */
const REMEMBERED_MAX = 100_000

/** The clients that behaved, and need not wait for a while (smtp-delay(8), Who is remembered). */
export class RememberedClients {
  readonly #remember: number
  readonly #uptime: () => number
  /** The expiry time of each client. */
  readonly #until = new LruCache<number>(REMEMBERED_MAX)

  /**
   * A client is stored for `remember` milliseconds. With 0 no client is. `uptime` is milliseconds on a
   * monotonic clock.
   */
  constructor(remember: number, uptime: () => number) {
    this.#remember = remember
    this.#uptime = uptime
  }

  get size(): number {
    return this.#until.size
  }

  has(client: string): boolean {
    return (this.#until.get(client) ?? Number.NEGATIVE_INFINITY) > this.#uptime()
  }

  /** Adds a client that behaved. It is stored for the full time from now on. */
  add(client: string): void {
    if (this.#remember > 0) this.#until.set(client, this.#uptime() + this.#remember)
  }

  /** Removes a client that talked early. */
  forget(client: string): void {
    this.#until.delete(client)
  }
}
