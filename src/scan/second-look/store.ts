import { closeSync, readSync, writeSync } from 'node:fs'
import { spoolFault } from '../../message/anonymous-file.ts'

/** Bytes of unfinished and finished contents together that stay in memory. */
export const MEMORY_MAX = 5 * 1024 * 1024

/** Bytes of a content that stay in memory whatever the others need: most are small. */
const SMALL = 8 * 1024

/** Bytes of the pieces that memory is taken in. */
const BLOCK_MIN = 256
const BLOCK_MAX = 64 * 1024

/** Bytes that are read from a file at a time. */
const CHUNK = 64 * 1024

/** Where contents are kept: in memory as far as there is room, then in files without a name. */
export interface Shelf {
  /** Bytes in memory now. */
  used: number
  readonly openFile: () => number
}

export const createShelf = (openFile: () => number): Shelf => ({ used: 0, openFile })

/** Bytes that grow at their end; any front part of them can be read meanwhile. */
export interface Store {
  readonly size: number
  /** Keeps a copy. Throws a Fault where the file cannot be made or written. */
  append(bytes: Buffer): void
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

  function forget(): void {
    for (const { length } of blocks) shelf.used -= length
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

  function hold(bytes: Buffer): void {
    let taken = 0
    while (taken < bytes.length) {
      if (room === 0) {
        room = Math.min(BLOCK_MAX, Math.max(BLOCK_MIN, size, bytes.length - taken))
        blocks.push(Buffer.allocUnsafeSlow(room))
        shelf.used += room
      }
      const last = blocks.at(-1)!
      const copied = bytes.copy(last, last.length - room, taken)
      room -= copied
      taken += copied
      size += copied
    }
  }

  return {
    get size() {
      return size
    },
    append(bytes) {
      if (bytes.length === 0) return
      const fits = size + bytes.length <= SMALL || shelf.used + bytes.length <= MEMORY_MAX
      if (fd === undefined && !fits) spill()
      if (fd === undefined) {
        hold(bytes)
      } else {
        write(fd, bytes, size)
        size += bytes.length
      }
    },
    chunks: (length) => (fd === undefined ? blocksUpTo(length) : fileChunks(fd, length)),
    keep() {
      needs++
    },
    close() {
      if (--needs > 0) return
      if (fd === undefined) forget()
      else closeSync(fd)
      size = 0
      fd = undefined
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
