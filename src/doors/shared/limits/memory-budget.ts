import { Fault } from '../../../ground/errors/fault.ts'

/** The memory that all messages in this process may take together, for one kind of door. */
export class Budget {
  readonly #limit: number
  #used = 0

  /** A budget of `limit` bytes. */
  constructor(limit: number) {
    this.#limit = limit
  }

  get used(): number {
    return this.#used
  }

  get free(): number {
    return this.#limit - this.#used
  }

  /** Opens an account for one conversation. */
  open(): MemoryLease {
    let charged = 0
    const take = (bytes: number) => {
      this.#used += bytes
      charged += bytes
    }
    return {
      charge: (bytes) => {
        if (bytes > this.free) {
          throw new Fault('out-of-memory', `no memory for ${bytes} bytes more (--memory)`)
        }
        take(bytes)
      },
      isPlenty: (bytes) => this.#used + bytes <= this.#limit / 2,
      release: (bytes) => take(-bytes),
      close: () => take(-charged),
    }
  }
}

/** What one conversation has taken of a budget, in bytes. */
export interface MemoryLease {
  /**
   * Sets bytes aside before they are allocated. Throws a Fault of kind `out-of-memory` if that
   * fails.
   */
  charge(bytes: number): void
  /** Whether half of the budget would still be free after a charge of so many bytes. */
  isPlenty(bytes: number): boolean
  /** Gives so many bytes back. */
  release(bytes: number): void
  /** Gives all bytes back. May be called again. */
  close(): void
}
