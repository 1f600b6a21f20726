/** A half-open range of bytes. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/**
 * Bytes of a message, as the reading of mail has them: it reads them one by one. What takes time in proportion to their
 * number is missing here. The work on a message (mime/budget/work.ts) counts it first, and then searches or copies them.
 */
export interface MailBytes extends Pick<Buffer, keyof Buffer & `read${string}`> {
  readonly length: number
  readonly [at: number]: number
  subarray(from?: number, to?: number): MailBytes
}

/** Upper limit for the bytes of a text that is not counted. */
export const SHORT_MAX = 256

/** Returns a text of so few bytes that it costs no more than what led to it. */
export function shortText(
  bytes: MailBytes,
  from = 0,
  length = SHORT_MAX,
  encoding: 'latin1' | 'hex' | 'utf16le' = 'latin1',
): string {
  return (bytes as Buffer).toString(encoding, from, from + Math.min(length, SHORT_MAX))
}

/**
 * Immutable bytes: of a message, a part of one, or decoded content. They can be read several times, as a whole
 * or in part, from memory or from a file.
 *
 * This is a class because a mail may have a hundred thousand parts: separate functions for each of them would
 * outgrow the young generation of the garbage collector.
 */
export abstract class Bytes {
  abstract readonly size: number

  /**
   * Returns the bytes from one offset to another, in order and in chunks of any size, by default all of them.
   * A chunk is valid until the next one is requested: a list of chunks (`[...chunks]`) would contain the last
   * one again and again.
   */
  abstract chunks(from?: number, to?: number): Iterable<Buffer>

  /** Returns the bytes of all parts, one after the other. */
  static of(...parts: readonly (MailBytes | Bytes)[]): Bytes {
    const all = parts.map((part) =>
      part instanceof Bytes ? part : new BytesInMemory(part as Buffer),
    )
    return all.length === 1 ? all[0]! : new JoinedBytes(all)
  }

  /** Returns a part. Reading it throws if there are fewer bytes after all. */
  slice(from: number, to: number = this.size): Bytes {
    return new PartOfBytes(this, from, to)
  }

  /** Returns the bytes without those in these ranges, which may overlap. */
  without(ranges: readonly ByteRange[]): Bytes {
    const kept: Bytes[] = []
    let at = 0
    for (const { from, to } of ranges.toSorted((range, other) => range.from - other.from)) {
      if (from > at) kept.push(this.slice(at, from))
      at = Math.max(at, to)
    }
    return Bytes.of(...kept, this.slice(at))
  }

  /**
   * Returns a part, or the available bytes of it, in one buffer that stays valid and must not be changed.
   * Bytes in one piece of memory are not copied.
   */
  gather(from = 0, to: number = this.size): Buffer {
    const gathered = Buffer.allocUnsafe(Math.max(0, Math.min(to, this.size) - from))
    let length = 0
    for (const chunk of this.chunks(from, from + gathered.length)) {
      chunk.copy(gathered, length)
      length += chunk.length
    }
    checkCount(length, gathered.length)
    return gathered
  }

  /**
   * Returns all bytes in one buffer, as gather() does. If they have to be copied, yields the number of bytes after each
   * piece, so that other work continues.
   */
  *gatherInSteps(): Generator<number, Buffer> {
    yield 0 // nothing is copied
    return this.gather()
  }
}

/** Throws if a source did not return the requested number of bytes. */
function checkCount(provided: number, asked: number): void {
  if (provided !== asked)
    throw new Error(`a source gave ${provided - asked} bytes more than it was asked for`)
}

/** Bytes of memory that are read at a time. */
const CHUNK = 256 * 1024

/** Bytes that are copied at a time. */
const COPIED = 1024 * 1024

class BytesInMemory extends Bytes {
  readonly #buffer: Buffer

  constructor(buffer: Buffer) {
    super()
    this.#buffer = buffer
  }

  get size(): number {
    return this.#buffer.length
  }

  override gather(from = 0, to = this.size): Buffer {
    return this.#buffer.subarray(from, to)
  }

  chunks(from = 0, to = this.size): Iterable<Buffer> {
    return to - from <= CHUNK ? [this.#buffer.subarray(from, to)] : this.#inChunks(from, to)
  }

  *#inChunks(from: number, to: number): Generator<Buffer> {
    for (let at = from; at < to; at += CHUNK) {
      yield this.#buffer.subarray(at, Math.min(to, at + CHUNK))
    }
  }
}

class PartOfBytes extends Bytes {
  readonly #whole: Bytes
  readonly #from: number
  readonly size: number

  constructor(whole: Bytes, from: number, to: number) {
    super()
    this.#whole = whole
    this.#from = from
    this.size = to - from
  }

  override gather(begin = 0, end = this.size): Buffer {
    return this.#whole.gather(this.#from + begin, this.#from + Math.min(end, this.size))
  }

  *chunks(begin = 0, end = this.size): Generator<Buffer> {
    let count = 0
    for (const chunk of this.#whole.chunks(this.#from + begin, this.#from + end)) {
      count += chunk.length
      yield chunk
    }
    checkCount(count, end - begin)
  }
}

class JoinedBytes extends Bytes {
  readonly #parts: readonly Bytes[]
  readonly size: number
  /** All bytes, once they were gathered: those who read a whole message share one copy. */
  #whole: Buffer | undefined

  constructor(parts: readonly Bytes[]) {
    super()
    this.#parts = parts
    this.size = parts.reduce((sum, { size }) => sum + size, 0)
  }

  override gather(from = 0, to = this.size): Buffer {
    if (this.#whole) return this.#whole.subarray(from, to)
    let before = 0
    for (const part of this.#parts) {
      const isIn = before <= from && to <= before + part.size
      if (isIn) return part.gather(from - before, to - before)
      before += part.size
    }
    if (from > 0 || to < this.size) return super.gather(from, to)
    const steps = this.gatherInSteps()
    let step = steps.next()
    while (!step.done) step = steps.next()
    return step.value
  }

  override *gatherInSteps(): Generator<number, Buffer> {
    if (this.#whole) return this.#whole
    const whole = Buffer.allocUnsafe(this.size)
    let length = 0
    for (const part of this.#parts) {
      const bytes = part.gather()
      for (let at = 0; at < bytes.length; at += COPIED) {
        const copied = bytes.copy(whole, length, at, at + COPIED)
        length += copied
        yield copied
      }
    }
    checkCount(length, whole.length)
    this.#whole = whole
    return whole
  }

  *chunks(from = 0, to = this.size): Generator<Buffer> {
    let before = 0
    for (const part of this.#parts) {
      const first = Math.max(0, from - before)
      const last = Math.min(part.size, to - before)
      if (first < last) yield* part.chunks(first, last)
      before += part.size
    }
  }
}
