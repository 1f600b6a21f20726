import { LRUCache } from 'lru-cache'
import type { VerdictStore } from './store.ts'

/** Bytes that one process keeps; onescand(8) has this number. */
export const MEMORY_MAX = 16 * 1024 * 1024
/** Most bytes that an entry takes besides its key and value. */
const ENTRY = 256

/**
 * A store in the memory of this process. The least recently used verdicts make room. (The cache of
 * ground/flow/ counts entries and not bytes, and none of them expires.)
 */
export class MemoryStore implements VerdictStore {
  readonly #kept: LRUCache<string, Buffer>

  /** Opens a store of at most so many bytes. */
  constructor(max = MEMORY_MAX) {
    this.#kept = new LRUCache({
      maxSize: max,
      sizeCalculation: (sealed, key) => sealed.length + key.length + ENTRY,
    })
  }

  get(fingerprint: Buffer): Buffer | undefined {
    return this.#kept.get(nameOf(fingerprint))
  }

  put(fingerprint: Buffer, sealed: Buffer, seconds: number): void {
    // Copied, because a slice would keep all of a larger buffer alive.
    this.#kept.set(nameOf(fingerprint), Buffer.from(sealed), { ttl: seconds * 1000 })
  }

  close(): void {
    this.#kept.clear()
  }
}

function nameOf(fingerprint: Buffer): string {
  return fingerprint.toString('base64url')
}
