import type { MemoryLease } from '../shared/limits/memory-budget.ts'

/** Bytes that are charged to one connection, by all its leases. */
export interface ConnectionMemory {
  bytes: number
}

/**
 * Returns the lease with its bytes counted in `memory`. Before each charge `makeFree` may close
 * other connections, if there is not enough memory left.
 */
export function countedLease(
  lease: MemoryLease,
  memory: ConnectionMemory,
  makeFree: (bytes: number) => void,
): MemoryLease {
  let own = 0
  const count = (bytes: number) => {
    own += bytes
    memory.bytes += bytes
  }
  return {
    charge(bytes) {
      makeFree(bytes)
      lease.charge(bytes)
      count(bytes)
    },
    isPlenty: (bytes) => lease.isPlenty(bytes),
    release(bytes) {
      lease.release(bytes)
      count(-bytes)
    },
    close() {
      lease.close()
      count(-own)
    },
  }
}
