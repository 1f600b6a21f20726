import type { Hash } from 'node:crypto'

/** A half-open range of bytes. */
export interface ByteRange {
  readonly from: number
  readonly to: number
}

/**
 * Bytes of a mail that nobody changes: a message, a part of one, a decoded content. They can be read
 * several times, as a whole or in part, wherever they lie.
 *
 * This is a class, since a mail may have a hundred thousand parts: with functions for each of them they
 * would outgrow the young generation of the garbage collector.
 */
export abstract class Bytes {
  abstract readonly size: number

  /**
   * Returns the bytes from one offset to another, in order and in chunks of any size; by default all of
   * them. A chunk is valid until the next one is asked for.
   */
  abstract chunks(from?: number, to?: number): Iterable<Buffer>

  /** Returns the bytes of all parts, one after the other. */
  static of(...parts: readonly (Buffer | Bytes)[]): Bytes {
    const all = parts.map((part) => (part instanceof Bytes ? part : new BytesInMemory(part)))
    return all.length === 1 ? all[0]! : new JoinedBytes(all)
  }

  /** Returns a part. Reading it throws if there are not so many bytes after all. */
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

  /** Copies a part, or what there is of it, into one buffer. */
  gather(from = 0, to: number = this.size): Buffer {
    return gatherChunks(this.chunks(from, Math.min(to, this.size)))
  }

  /** Returns whether any chunk passes a test, for which it makes no difference where chunks end. */
  some(test: (chunk: Buffer) => boolean): boolean {
    for (const chunk of this.chunks()) if (test(chunk)) return true
    return false
  }

  /** Returns the digest in hexadecimal. */
  digest(hash: Hash): string {
    for (const chunk of this.chunks()) hash.update(chunk)
    return hash.digest('hex')
  }
}

/** Bytes of memory that are read at a time. */
const CHUNK = 256 * 1024

class BytesInMemory extends Bytes {
  readonly #buffer: Buffer

  constructor(buffer: Buffer) {
    super()
    this.#buffer = buffer
  }

  get size(): number {
    return this.#buffer.length
  }

  chunks(from = 0, to = this.size): Iterable<Buffer> {
    return to - from <= CHUNK ? [this.#buffer.subarray(from, to)] : this.#inTurns(from, to)
  }

  *#inTurns(from: number, to: number): Generator<Buffer> {
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

  *chunks(begin = 0, end = this.size): Generator<Buffer> {
    let left = end - begin
    for (const chunk of this.#whole.chunks(this.#from + begin, this.#from + end)) {
      left -= chunk.length
      yield chunk
    }
    if (left !== 0) throw new Error(`a source gave ${-left} bytes more than it was asked for`)
  }
}

class JoinedBytes extends Bytes {
  readonly #parts: readonly Bytes[]
  readonly size: number

  constructor(parts: readonly Bytes[]) {
    super()
    this.#parts = parts
    this.size = parts.reduce((sum, { size }) => sum + size, 0)
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

/**
 * Copies all chunks into one buffer, in their order. Each is copied before the next one is asked for,
 * since most iterables of chunks have one buffer for all of them. Whoever wants to keep chunks calls
 * this: a list of them (`[...chunks]`) would hold the last one again and again.
 */
export function gatherChunks(chunks: Iterable<Buffer>): Buffer {
  const copies: Buffer[] = []
  for (const chunk of chunks) copies.push(Buffer.from(chunk))
  return copies.length === 1 ? copies[0]! : Buffer.concat(copies)
}
