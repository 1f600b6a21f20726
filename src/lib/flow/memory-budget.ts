import { Fault } from '../errors/fault.ts'

/** The memory that all messages in this process may take together, for one kind of door. */
export class Budget {
  /** Bytes. */
  readonly limit: number
  #used = 0

  constructor(limit: number) {
    this.limit = limit
  }

  get used(): number {
    return this.#used
  }

  /** Notes that so many bytes more are used, or fewer. */
  change(bytes: number): void {
    this.#used += bytes
  }

  /** Opens a lease for one conversation. */
  open(): MemoryLease {
    return new MemoryLease(this)
  }
}

/** What one conversation has taken of a budget, in bytes. */
export class MemoryLease {
  readonly #budget: Budget
  #charged = 0

  constructor(budget: Budget) {
    this.#budget = budget
  }

  /** For a process that takes one message: softlimit(8) is its limit. */
  static unlimited(): MemoryLease {
    return new Budget(Number.POSITIVE_INFINITY).open()
  }

  /**
   * Sets bytes aside before they are allocated. Throws a Fault of kind `out-of-memory` if that
   * fails.
   */
  charge(bytes: number): void {
    if (this.#budget.used + bytes > this.#budget.limit) {
      throw new Fault('out-of-memory', `no memory for ${bytes} bytes more (--memory)`)
    }
    this.#take(bytes)
  }

  /** Whether half of the budget would still be free after a charge of so many bytes. */
  isPlenty(bytes: number): boolean {
    return this.#budget.used + bytes <= this.#budget.limit / 2
  }

  /** Gives so many bytes back. */
  release(bytes: number): void {
    this.#take(-bytes)
  }

  /** Gives all bytes back. May be called again. */
  close(): void {
    this.#take(-this.#charged)
  }

  #take(bytes: number): void {
    this.#budget.change(bytes)
    this.#charged += bytes
  }
}
