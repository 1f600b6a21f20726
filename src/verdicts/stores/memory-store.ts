import { LRUCache } from 'lru-cache'
import type { VerdictStore } from './store.ts'

/** Bytes that one process keeps; onescand(8) has this number. */
export const MEMORY_MAX = 16 * 1024 * 1024
/** Most bytes that an entry takes besides its key and value. */
const ENTRY = 256

/**
 * Opens a store in the memory of this process. The least recently used verdicts make room. (The cache of
 * ground/flow/ counts entries and not bytes, and none of them expires.)
 */
export function openMemoryStore(max = MEMORY_MAX): VerdictStore {
  const kept = new LRUCache<string, Buffer>({
    maxSize: max,
    sizeCalculation: (sealed, key) => sealed.length + key.length + ENTRY,
  })
  return {
    get: (fingerprint) => kept.get(nameOf(fingerprint)),
    put(fingerprint, sealed, seconds) {
      // Copied, because a slice would keep all of a larger buffer alive.
      kept.set(nameOf(fingerprint), Buffer.from(sealed), { ttl: seconds * 1000 })
    },
    close: () => kept.clear(),
  }
}

function nameOf(fingerprint: Buffer): string {
  return fingerprint.toString('base64url')
}
