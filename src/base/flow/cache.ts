/**
 * A cache of values by name. A full cache drops the least recently used values.
 *
 * The cache has two halves. When the young half is full, it becomes the old half, and old values that were
 * not used since are dropped. No order of use has to be kept.
 *
 * A Map in the order of use is ten times slower, because deletions leave holes in it. The library lru-cache allocates
 * memory for all values at its creation, which takes too long in onescan-queue, or with maxSize six times the memory
 * for each value. It is used where bytes are counted or values expire: for verdicts and poison.
 */
export class LruCache<Value> {
  readonly #most: number
  readonly #half: number
  #young = new Map<string, Value>()
  #old = new Map<string, Value>()

  /** Makes a cache of at most `most` values. */
  constructor(most: number) {
    this.#most = most
    this.#half = Math.max(1, Math.floor(most / 2))
  }

  get(key: string): Value | undefined {
    const value = this.#young.get(key)
    if (value !== undefined) return value
    const older = this.#old.get(key)
    if (older !== undefined) this.set(key, older)
    return older
  }

  set(key: string, value: Value): void {
    this.#old.delete(key)
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#most > 1 ? this.#young : new Map()
      this.#young = new Map()
    }
    if (this.#most > 0) this.#young.set(key, value)
  }

  delete(key: string): void {
    this.#young.delete(key)
    this.#old.delete(key)
  }

  clear(): void {
    this.#young.clear()
    this.#old.clear()
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }
}

/**
 * Returns a function that calls `make`, and returns the same value for `time` milliseconds. If `make` throws,
 * nothing is cached, and the next call repeats it.
 */
export function cachedFor<Value>(
  time: number,
  uptime: () => number,
  make: () => Value,
): () => Value {
  let cached: { readonly value: Value; readonly at: number } | undefined
  return () => {
    const at = uptime()
    if (cached === undefined || at - cached.at >= time) cached = { value: make(), at }
    return cached.value
  }
}

/** Work in progress, by name: callers with the same name get the same promise. */
export class SharedWork<Value> {
  readonly #byName = new Map<string, Promise<Value>>()

  get(name: string): Promise<Value> | undefined {
    return this.#byName.get(name)
  }

  /** Notes work that has begun. It is shared until its promise settles. Returns that promise. */
  begin(name: string, work: Promise<Value>): Promise<Value> {
    this.#byName.set(name, work)
    const remove = () => this.#byName.delete(name)
    work.then(remove, remove)
    return work
  }

  all(): Promise<Value>[] {
    return [...this.#byName.values()]
  }
}
