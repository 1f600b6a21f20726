import type { Bytes } from '../../message/bytes.ts'
import { PIECE, type Steps, type Work } from '../budget/work.ts'
import type { Store } from '../storage/store.ts'

/** Reads a source from its front to its end, byte by byte or in pieces. Holds one chunk of it. */
export class ByteCursor {
  readonly #source: Bytes
  #chunks: Iterator<Buffer>
  #chunk: Buffer = Buffer.alloc(0)
  /** The offset of the next byte in the chunk, and in the source. */
  #next = 0
  at = 0

  constructor(source: Bytes) {
    this.#source = source
    this.#chunks = source.chunks()[Symbol.iterator]()
  }

  get left(): number {
    return this.#source.size - this.at
  }

  /** Returns the next byte, or -1 at the end. */
  byte(): number {
    if (!this.#hasChunk()) return -1
    this.at++
    return this.#chunk[this.#next++]!
  }

  /** Skips `bytes` bytes, at most to the end. */
  skip(bytes: number): void {
    const skipped = Math.min(bytes, this.left)
    this.at += skipped
    if (skipped <= this.#chunk.length - this.#next) {
      this.#next += skipped
      return
    }
    this.#chunk = Buffer.alloc(0)
    this.#next = 0
    this.#chunks.return?.()
    this.#chunks = this.#source.chunks(this.at, this.#source.size)[Symbol.iterator]()
  }

  /** Copies the next `bytes` bytes to a store, at most up to the end. */
  *copy(bytes: number, store: Store, work: Work): Steps {
    for (let left = bytes; left > 0 && this.#hasChunk(); ) {
      const length = Math.min(left, this.#chunk.length - this.#next, PIECE)
      work.countBytes(length)
      store.putAll(this.#chunk, this.#next, this.#next + length)
      this.#next += length
      this.at += length
      left -= length
      yield* work.countUnits(length)
    }
  }

  #hasChunk(): boolean {
    while (this.#next === this.#chunk.length) {
      const next = this.#chunks.next()
      if (next.done) return false
      this.#chunk = next.value
      this.#next = 0
    }
    return true
  }
}
