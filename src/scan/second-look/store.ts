import { closeSync, readSync, writeSync } from 'node:fs'
import { spoolFault } from '../../message/anonymous-file.ts'

/** Bytes of unfinished and finished contents together that stay in memory. */
export const MEMORY_MAX = 3 * 1024 * 1024

/** Bytes of a content that stay in memory whatever the others need: most are small. */
const SMALL = 8 * 1024

/** Bytes of the pieces that memory is taken in. */
const BLOCK_MIN = 256
const BLOCK_MAX = 64 * 1024

/** Bytes that are decoded at a time. */
const ROOM = 16 * 1024

/** Bytes that are written to a file at a time. */
const TAIL = 8 * 1024

/** Bytes that are read from a file at a time. */
const CHUNK = 64 * 1024

/** Where contents are kept: in memory as far as there is room, then in files without a name. */
export interface Shelf {
  /** Bytes in memory now. */
  used: number
  /** Blocks of BLOCK_MAX bytes that contents of this message were in, for the next ones. */
  readonly free: Buffer[]
  /**
   * Where bytes of this message are decoded: what a decoder gives is copied before anybody
   * else decodes.
   */
  readonly room: Buffer
  readonly openFile: () => number
}

export function createShelf(openFile: () => number): Shelf {
  return { used: 0, free: [], room: Buffer.allocUnsafeSlow(ROOM), openFile }
}

/** Bytes that grow at their end; any front part of them can be read meanwhile. */
export interface Store {
  readonly size: number
  /** Keeps a copy, of the bytes from `from` to `to`. Throws a Fault where the file cannot be made or written. */
  append(bytes: Buffer, from?: number, to?: number): void
  /** The first `length` bytes; a chunk is valid until the next one is asked for. */
  chunks(length: number): Iterable<Buffer>
  /** One more needs it: `close` is to be called once more. */
  keep(): void
  close(): void
}

export function createStore(shelf: Shelf): Store {
  let blocks: Buffer[] = []
  let room = 0 // bytes left in the last block
  let size = 0
  let fd: number | undefined
  let tail: Buffer | undefined // what is behind what the file has
  let tailLength = 0
  let needs = 1

  function spill(): void {
    fd = shelf.openFile()
    let at = 0
    for (const bytes of blocksUpTo(size)) {
      write(fd, bytes, at)
      at += bytes.length
    }
    forget()
  }

  /** Many small pieces are one write. */
  function addToFile(fd: number, bytes: Buffer, from: number, to: number): void {
    tail ??= Buffer.allocUnsafeSlow(TAIL)
    if (tailLength + to - from > tail.length) flush(fd)
    if (to - from > tail.length) write(fd, bytes.subarray(from, to), size)
    else tailLength += bytes.copy(tail, tailLength, from, to)
    size += to - from
  }

  function flush(fd: number): void {
    if (tail && tailLength > 0) write(fd, tail.subarray(0, tailLength), size - tailLength)
    tailLength = 0
  }

  function* fromFile(fd: number, length: number): Generator<Buffer> {
    flush(fd)
    yield* fileChunks(fd, length)
  }

  function forget(): void {
    for (const block of blocks) {
      shelf.used -= block.length
      if (block.length === BLOCK_MAX) shelf.free.push(block)
    }
    blocks = []
    room = 0
  }

  function* blocksUpTo(length: number): Generator<Buffer> {
    let left = length
    for (const block of blocks) {
      if (left <= 0) return
      yield block.subarray(0, Math.min(left, block.length))
      left -= block.length
    }
  }

  function hold(bytes: Buffer, from: number, to: number): void {
    for (let at = from; at < to; ) {
      if (room === 0) {
        room = Math.min(BLOCK_MAX, Math.max(BLOCK_MIN, size, to - at))
        const old = room === BLOCK_MAX ? shelf.free.pop() : undefined
        blocks.push(old ?? Buffer.allocUnsafeSlow(room))
        shelf.used += room
      }
      const last = blocks.at(-1)!
      const copied = bytes.copy(last, last.length - room, at, to)
      room -= copied
      at += copied
      size += copied
    }
  }

  return {
    get size() {
      return size
    },
    append(bytes, from = 0, to = bytes.length) {
      if (from >= to) return
      const after = size + to - from
      const fits = after <= SMALL || shelf.used + to - from <= MEMORY_MAX
      if (fd === undefined && !fits) spill()
      if (fd === undefined) hold(bytes, from, to)
      else addToFile(fd, bytes, from, to)
    },
    chunks: (length) => (fd === undefined ? blocksUpTo(length) : fromFile(fd, length)),
    keep() {
      needs++
    },
    close() {
      if (--needs > 0) return
      if (fd === undefined) forget()
      else closeSync(fd)
      size = 0
      fd = undefined
      tailLength = 0
    },
  }
}

function* fileChunks(fd: number, length: number): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, length))
  for (let at = 0; at < length; ) {
    const read = readSync(fd, buffer, 0, Math.min(buffer.length, length - at), at)
    if (read === 0) throw spoolFault('a file of decoded contents ended early', undefined)
    yield buffer.subarray(0, read)
    at += read
  }
}

function write(fd: number, bytes: Buffer, position: number): void {
  try {
    for (let done = 0; done < bytes.length; ) {
      done += writeSync(fd, bytes, done, bytes.length - done, position + done)
    }
  } catch (error) {
    throw spoolFault('cannot write decoded contents', error)
  }
}
