import { GoCold } from './go-cold.ts'

/** What all messages of this process together may keep in memory. */
export interface Budget {
  readonly used: number
  /** An account of its own for one conversation. */
  open(): Account
}

export interface Account {
  /** Sets bytes aside before they are allocated; throws GoCold where there are none left. */
  charge(bytes: number): void
  /** Gives all of them back. May be called again. */
  close(): void
}

/** `limit` in bytes. */
export function createBudget(limit: number): Budget {
  let used = 0
  return {
    get used() {
      return used
    },
    open() {
      let charged = 0
      return {
        charge(bytes) {
          if (bytes > limit - used) throw new GoCold(`no memory for ${bytes} bytes more (--memory)`)
          used += bytes
          charged += bytes
        },
        close() {
          used -= charged
          charged = 0
        },
      }
    },
  }
}
