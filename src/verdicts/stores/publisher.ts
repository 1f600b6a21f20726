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

interface UnpublishedVerdict {
  readonly sealed: Buffer
  readonly until: number
}

/**
 * Puts verdicts into a store, at once or when it takes verdicts again. Keeps those that the store did not
 * take, UNPUBLISHED_MAX bytes at most, until it is back or they would have expired. (The cache of
 * ground/flow/ counts entries and not bytes, and does not tell what it drops.)
 */
export class Publisher {
  readonly #options: PublisherOptions
  readonly #waiting: LRUCache<string, UnpublishedVerdict>
  #isPublishing = false
  #attempts = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: PublisherOptions) {
    this.#options = options
    const { counters } = options
    this.#waiting = new LRUCache({
      maxSize: UNPUBLISHED_MAX,
      sizeCalculation: ({ sealed }, key) => sealed.length + key.length + ENTRY,
      dispose: (_, __, reason) => reason === 'evict' && counters.dropped++,
    })
  }

  /** The number of verdicts that wait. */
  get size(): number {
    return this.#waiting.size
  }

  put(key: string, sealed: Buffer, seconds: number): void {
    void this.#publishOne(key, sealed, this.#options.uptime() + seconds * 1000)
  }

  /** Offers the verdicts that wait now, AT_ONCE at a time, until the store takes none of them. */
  async publishAll(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#isPublishing || this.#isClosed) return
    this.#isPublishing = true
    const all = [...this.#waiting.entries()]
    let isTaking = true
    while (isTaking && all.length > 0) {
      const some = all.splice(0, AT_ONCE)
      for (const [key] of some) this.#waiting.delete(key)
      const taken = await Promise.all(
        some.map(([key, { sealed, until }]) => this.#publishOne(key, sealed, until)),
      )
      isTaking = taken.includes(true)
    }
    this.#isPublishing = false
    if (isTaking) this.#attempts = 0
    if (this.#waiting.size > 0) this.#tryLater()
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
  }

  async #publishOne(key: string, sealed: Buffer, until: number): Promise<boolean> {
    const { counters, uptime, publish } = this.#options
    const left = Math.floor(until - uptime())
    if (left < 1) {
      counters.dropped++
      return true
    }
    const isTaken = await publish(key, sealed, left)
    if (isTaken) counters.published++
    // A verdict under this key that came meanwhile is newer.
    else if (!this.#waiting.has(key)) this.#keep(key, sealed, until)
    return isTaken
  }

  #keep(key: string, sealed: Buffer, until: number): void {
    this.#waiting.set(key, { sealed: Buffer.from(sealed), until })
    if (!this.#isPublishing) this.#tryLater()
  }

  #tryLater(): void {
    if (this.#timer !== undefined || this.#isClosed) return
    const pause = doubledPause(this.#attempts++, PAUSES)
    this.#timer = setTimeout(() => void this.publishAll(), pause)
    this.#timer.unref()
  }
}
