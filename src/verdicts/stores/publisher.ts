import { LRUCache } from 'lru-cache'
import { doubledPause } from '../../ground/flow/back-off.ts'
import type { SharingCounters } from './store.ts'

/** Most bytes of verdicts that wait for the store, some 3,000 verdicts; the oldest make room. */
export const UNPUBLISHED_MAX = 2 * 1024 * 1024
/** Most bytes that a verdict takes besides its key and value. */
const ENTRY = 256
/** Most verdicts that are on their way at a time. */
const AT_ONCE = 20
/** Milliseconds after which a store that took nothing is tried again, doubled each time. */
const PAUSES = { first: 1_000, longest: 30_000 }

export interface PublisherOptions {
  readonly counters: Pick<SharingCounters, 'published' | 'dropped'>
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Offers a verdict to the store, for so many milliseconds. Resolves to whether the store took it. */
  readonly publish: (key: string, sealed: Buffer, milliseconds: number) => Promise<boolean>
}

/** Puts verdicts into a store, at once or when it takes verdicts again. */
export interface Publisher {
  /** The number of verdicts that wait. */
  readonly size: number
  put(key: string, sealed: Buffer, seconds: number): void
  /** Offers all that wait: the store is back. */
  publishAll(): void
  close(): void
}

/**
 * Keeps verdicts that a store did not take, UNPUBLISHED_MAX bytes at most, until the store is back or
 * they would have expired. (The cache of ground/flow/ counts entries and not bytes, and does not tell what
 * it drops.)
 */
export function createPublisher({ counters, uptime, publish }: PublisherOptions): Publisher {
  const waiting = new LRUCache<string, { readonly sealed: Buffer; readonly until: number }>({
    maxSize: UNPUBLISHED_MAX,
    sizeCalculation: ({ sealed }, key) => sealed.length + key.length + ENTRY,
    dispose: (_, __, reason) => reason === 'evict' && counters.dropped++,
  })
  let isPublishing = false
  let attempts = 0
  let timer: NodeJS.Timeout | undefined
  let isClosed = false

  function keep(key: string, sealed: Buffer, until: number): void {
    waiting.set(key, { sealed: Buffer.from(sealed), until })
    if (!isPublishing) tryLater()
  }

  function tryLater(): void {
    if (timer !== undefined || isClosed) return
    timer = setTimeout(publishAll, doubledPause(attempts++, PAUSES))
    timer.unref()
  }

  async function publishOne(key: string, sealed: Buffer, until: number): Promise<boolean> {
    const left = Math.floor(until - uptime())
    if (left < 1) {
      counters.dropped++
      return true
    }
    const isTaken = await publish(key, sealed, left)
    if (isTaken) counters.published++
    // A verdict under this key that came meanwhile is newer.
    else if (!waiting.has(key)) keep(key, sealed, until)
    return isTaken
  }

  /** Offers the verdicts that wait now, AT_ONCE at a time, until the store takes none of them. */
  async function publishAll(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    if (isPublishing || isClosed) return
    isPublishing = true
    const all = [...waiting.entries()]
    let isTaking = true
    while (isTaking && all.length > 0) {
      const some = all.splice(0, AT_ONCE)
      for (const [key] of some) waiting.delete(key)
      const taken = await Promise.all(
        some.map(([key, { sealed, until }]) => publishOne(key, sealed, until)),
      )
      isTaking = taken.includes(true)
    }
    isPublishing = false
    if (isTaking) attempts = 0
    if (waiting.size > 0) tryLater()
  }

  return {
    get size() {
      return waiting.size
    },
    put(key, sealed, seconds) {
      void publishOne(key, sealed, uptime() + seconds * 1000)
    },
    publishAll: () => void publishAll(),
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}
