import { closeSync } from 'node:fs'
import type { MailBytes } from '../../message/bytes.ts'
import { MappedFile } from '../../message/mapped-file.ts'
import { writeAll } from '../../message/spool.ts'
import { BUFFER_MAX, BUFFER_MIN, type MemoryPool } from './memory-pool.ts'

/** Upper limit for the bytes that all contents together, finished or not, have in memory. */
const MEMORY_MAX = 3 * 1024 * 1024

/** A content of at most this many bytes always stays in memory. Most contents are that small. */
const SMALL_CONTENT = 8 * 1024

/** The last bytes that a store can take back. */
const TAKEN_BACK_MAX = 4

/**
 * A content that grows at its end, and is one buffer once it is finished. This is a class because a message may have
 * hundreds of thousands of them.
 */
export class Store {
  readonly #pool: MemoryPool
  readonly #expected: number
  /** The last bytes: all of them, or those that are not in the file yet. */
  #buffer: Buffer
  #length = 0
  #fd: number | undefined
  #inFile = 0
  #mapped: MappedFile | undefined

  /**
   * If memory has no room for the `expected` bytes, the store is a file as soon as it is not small, and nothing has
   * to be moved there later.
   */
  constructor(pool: MemoryPool, expected = 0) {
    this.#pool = pool
    this.#expected = expected
    this.#buffer = pool.take(Math.min(Math.max(expected, BUFFER_MIN), SMALL_CONTENT))
  }

  get size(): number {
    return this.#inFile + this.#length
  }

  /** Adds a byte, of which the lowest eight bits count. Throws a Fault if the file cannot be made or written. */
  put(byte: number): void {
    if (this.#length === this.#buffer.length) this.#makeRoom(1)
    this.#buffer[this.#length++] = byte
  }

  /** Adds the bytes from `from` to `to`. Throws as put() does. */
  putAll(bytes: MailBytes, from = 0, to = bytes.length): void {
    for (let at = from; at < to; ) {
      if (this.#length === this.#buffer.length) this.#makeRoom(to - at)
      const end = at + Math.min(to - at, this.#buffer.length - this.#length)
      if (end - at < NATIVE_COPY_MIN) while (at < end) this.#buffer[this.#length++] = bytes[at++]!
      else {
        this.#length += (bytes as Buffer).copy(this.#buffer, this.#length, at, end)
        at = end
      }
    }
  }

  /** Takes back the last bytes, at most TAKEN_BACK_MAX in a row. */
  takeBack(count: number): void {
    this.#length -= count
  }

  /** Puts a byte in front of the last ones, of which there are at most TAKEN_BACK_MAX. */
  insert(byte: number, behind: number): void {
    this.put(byte)
    const at = this.#length - 1 - behind
    this.#buffer.copyWithin(at + 1, at, this.#length - 1)
    this.#buffer[at] = byte
  }

  /** Returns all bytes. They are valid until the store is closed. No more can be added. */
  finish(): Buffer {
    if (this.#fd === undefined) return this.#buffer.subarray(0, this.#length)
    this.#flush(this.#fd, 0)
    this.#mapped ??= new MappedFile(this.#fd, this.#inFile)
    return this.#mapped.bytes
  }

  /** Returns an empty store in the same memory. */
  emptyStore(expected: number): Store {
    return new Store(this.#pool, expected)
  }

  close(): void {
    this.#mapped?.close()
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#pool.giveBackOnDisk(this.#inFile)
    if (this.#buffer.length > 0) this.#pool.giveBack(this.#buffer)
    this.#buffer = NO_BYTES
    this.#length = 0
    this.#inFile = 0
    this.#fd = undefined
  }

  /** Makes room for at least one more byte, where this many are about to come. */
  #makeRoom(more: number): void {
    const wanted = Math.max(this.#expected, 2 * this.#length, this.#length + more)
    const fits = this.#pool.used - this.#buffer.length + wanted <= MEMORY_MAX
    const isSmall = this.#length + more <= SMALL_CONTENT
    if (this.#fd === undefined && (fits || isSmall)) {
      this.#move(fits ? wanted : SMALL_CONTENT)
      return
    }
    const isFirst = this.#fd === undefined
    this.#fd ??= this.#pool.openFile()
    this.#flush(this.#fd, TAKEN_BACK_MAX)
    if (isFirst) this.#move(BUFFER_MAX)
  }

  #move(size: number): void {
    const smaller = this.#buffer
    this.#buffer = this.#pool.take(size)
    smaller.copy(this.#buffer, 0, 0, this.#length)
    this.#pool.giveBack(smaller)
  }

  /** Writes all bytes but the last ones to the file. */
  #flush(fd: number, kept: number): void {
    const written = this.#length - kept
    if (written <= 0) return
    this.#pool.takeOnDisk(written)
    writeAll(fd, this.#buffer.subarray(0, written), this.#inFile, 'TMPDIR')
    this.#inFile += written
    this.#buffer.copyWithin(0, written, this.#length)
    this.#length = kept
  }
}

const NO_BYTES = Buffer.alloc(0)

/** From this many bytes on, the runtime's copy is faster than a loop. */
const NATIVE_COPY_MIN = 40
