import { Fault } from '../../../ground/errors/fault.ts'

/** What all messages of this process together may keep in memory by one kind of door. */
export interface Budget {
  readonly used: number
  readonly free: number
  /** An account of its own for one conversation. */
  open(): MemoryLease
}

export interface MemoryLease {
  /** Sets bytes aside before they are allocated; throws if there are none left. */
  charge(bytes: number): void
  /** Whether half of all that there is would still be free for others with so many bytes more. */
  isPlenty(bytes: number): boolean
  /** Gives so many of them back. */
  release(bytes: number): void
  /** Gives all of them back. May be called again. */
  close(): void
}

/** `limit` in bytes; `refusal` makes the error of the door if there are none left. */
export function createBudget(
  limit: number,
  refusal: (why: string) => Error = (why) => new Fault('out-of-memory', why),
): Budget {
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
          if (bytes > limit - used) throw refusal(`no memory for ${bytes} bytes more (--memory)`)
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
