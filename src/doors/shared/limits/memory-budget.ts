import { Fault } from '../../../ground/errors/fault.ts'

/** The memory that all messages in this process may take together, for one kind of door. */
export interface Budget {
  readonly used: number
  readonly free: number
  /** Opens an account for one conversation. */
  open(): MemoryLease
}

/** What one conversation has taken of a budget, in bytes. */
export interface MemoryLease {
  /** Sets bytes aside before they are allocated. Throws a Fault of kind `out-of-memory` if that fails. */
  charge(bytes: number): void
  /** Whether half of the budget would still be free after a charge of so many bytes. */
  isPlenty(bytes: number): boolean
  /** Gives so many bytes back. */
  release(bytes: number): void
  /** Gives all bytes back. May be called again. */
  close(): void
}

/** Makes a budget of `limit` bytes. */
export function createBudget(limit: number): Budget {
  let used = 0
  return {
    get used() {
      return used
    },
    get free() {
      return limit - used
    },
    open() {
      let charged = 0
      return {
        charge(bytes) {
          if (bytes > limit - used) {
            throw new Fault('out-of-memory', `no memory for ${bytes} bytes more (--memory)`)
          }
          used += bytes
          charged += bytes
        },
        isPlenty: (bytes) => used + bytes <= limit / 2,
        release(bytes) {
          used -= bytes
          charged -= bytes
        },
        close() {
          used -= charged
          charged = 0
        },
      }
    },
  }
}
