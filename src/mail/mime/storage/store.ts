import { closeSync } from 'node:fs'
import { Bytes } from '../../message/bytes.ts'
import { piecesOfFile, writeAll } from '../../message/spool.ts'
import { DiskShare } from './disk-share.ts'

/** Upper limit for the bytes that all contents together, finished or not, have in memory. */
const MEMORY_MAX = 3 * 1024 * 1024

/** A content of at most this many bytes always stays in memory. Most contents are that small. */
const SMALL_CONTENT = 8 * 1024

/** Minimum and maximum size of one block of memory, in bytes. */
const BLOCK_MIN = 256
const BLOCK_MAX = 64 * 1024

/** The number of bytes that are written to a file at a time. */
const TAIL = 8 * 1024

/** The number of bytes that are read from a file at a time. */
const CHUNK = 64 * 1024

/** Keeps contents in memory as long as there is room, and then in files without a name. */
export class MemoryPool {
  /** The number of bytes that are in memory now. */
  used = 0
  /**
   * Blocks of BLOCK_MIN and of BLOCK_MAX bytes that contents of this message no longer use. The next
   * contents use them again: a message may have a hundred thousand small contents in a row.
   */
  readonly free: ReadonlyMap<number, Buffer[]> = new Map([
    [BLOCK_MIN, []],
    [BLOCK_MAX, []],
  ])
  readonly openFile: () => number
  readonly disk: DiskShare

  /** `size` is the number of bytes of the message whose contents these are. */
  constructor(openFile: () => number, size: number) {
    this.openFile = openFile
    this.disk = new DiskShare(size)
  }
}

/**
 * A store of bytes that grows at its end, and can be read meanwhile. This is a class because a message may
 * have hundreds of thousands of stores. Functions and a prototype for each store would take most of the time
 * and memory.
 */
export class Store extends Bytes {
  readonly #pool: MemoryPool
  readonly #expected: number
  #blocks: Buffer[] = []
  #blockSpace = 0 // the bytes that are left in the last block
  #size = 0
  #fd: number | undefined
  #tail: Buffer | undefined // the bytes that are to be written to the file next
  #tailLength = 0
  /** The bytes of the file, those that are to be written among them. */
  #charged = 0

  /**
   * If memory has no room for the `expected` bytes, the store is a file from the beginning, and nothing has
   * to be moved there later.
   */
  constructor(pool: MemoryPool, expected = 0) {
    super()
    this.#pool = pool
    this.#expected = expected
  }

  get size(): number {
    return this.#size
  }

  /**
   * Keeps a copy of the bytes from `from` to `to`. Throws a Fault if the file cannot be made or
   * written.
   */
  append(bytes: Buffer, from = 0, to = bytes.length): void {
    if (from >= to) return
    const after = this.#size + to - from
    const needed = Math.max(to - from, this.#expected - this.#size)
    const fits = after <= SMALL_CONTENT || this.#pool.used + needed <= MEMORY_MAX
    if (this.#fd === undefined && !fits) this.#fd = this.#spill()
    if (this.#fd === undefined) this.#hold(bytes, from, to)
    else this.#addToFile(this.#fd, bytes, from, to)
  }

  /** Returns the bytes from one offset to another. A chunk is valid until the next one is requested. */
  chunks(from = 0, to = this.#size): Iterable<Buffer> {
    if (this.#fd === undefined) return this.#inMemory(from, to)
    this.#flush(this.#fd)
    return piecesOfFile(this.#fd, from, to, CHUNK)
  }

  close(): void {
    if (this.#fd === undefined) this.#forget()
    else closeSync(this.#fd)
    this.#pool.disk.giveBack(this.#charged)
    this.#charged = 0
    this.#size = 0
    this.#fd = undefined
    this.#tailLength = 0
  }

  #hold(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (this.#blockSpace === 0) {
        this.#blockSpace = Math.min(BLOCK_MAX, Math.max(BLOCK_MIN, this.#size, to - at))
        const free = this.#pool.free.get(this.#blockSpace)
        this.#blocks.push(free?.pop() ?? Buffer.allocUnsafeSlow(this.#blockSpace))
        this.#pool.used += this.#blockSpace
      }
      const last = this.#blocks.at(-1)!
      const copied = bytes.copy(last, last.length - this.#blockSpace, at, to)
      this.#blockSpace -= copied
      at += copied
      this.#size += copied
    }
  }

  *#inMemory(from: number, to: number): Generator<Buffer> {
    let at = 0 // where the block begins
    for (const block of this.#blocks) {
      if (at >= to) return
      const end = at + block.length
      if (end > from) yield block.subarray(Math.max(0, from - at), Math.min(to, end) - at)
      at = end
    }
  }

  #forget(): void {
    for (const block of this.#blocks) {
      this.#pool.used -= block.length
      this.#pool.free.get(block.length)?.push(block)
    }
    this.#blocks = []
    this.#blockSpace = 0
  }

  #spill(): number {
    const fd = this.#pool.openFile()
    this.#fd = fd
    this.#charge(this.#size)
    let at = 0
    for (const bytes of this.#inMemory(0, this.#size)) {
      writeAll(fd, bytes, at, 'TMPDIR')
      at += bytes.length
    }
    this.#forget()
    return fd
  }

  #charge(bytes: number): void {
    this.#pool.disk.take(bytes)
    this.#charged += bytes
  }

  /** Collects small pieces, so that one write contains many of them. */
  #addToFile(fd: number, bytes: Buffer, from: number, to: number): void {
    this.#charge(to - from)
    this.#tail ??= Buffer.allocUnsafeSlow(TAIL)
    if (this.#tailLength + to - from > this.#tail.length) this.#flush(fd)
    if (to - from > this.#tail.length) writeAll(fd, bytes.subarray(from, to), this.#size, 'TMPDIR')
    else this.#tailLength += bytes.copy(this.#tail, this.#tailLength, from, to)
    this.#size += to - from
  }

  #flush(fd: number): void {
    if (this.#tail && this.#tailLength > 0) {
      writeAll(
        fd,
        this.#tail.subarray(0, this.#tailLength),
        this.#size - this.#tailLength,
        'TMPDIR',
      )
    }
    this.#tailLength = 0
  }
}
