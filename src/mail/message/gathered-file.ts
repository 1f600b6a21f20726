import { closeSync, readSync } from 'node:fs'
import { Fault } from '../../ground/errors/fault.ts'
import type { MemoryLease } from '../../ground/flow/memory-budget.ts'
import { writeWhole } from '../../ground/process/descriptors.ts'
import type { System } from '../../ground/runtime/system.ts'
import { Bytes } from './bytes.ts'
import { openAnonymousFile, type SpoolPolicy, writeAll } from './spool.ts'
import { TOP_LINE } from './top-line.ts'

/** Bytes of a file that are read at a time. */
const CHUNK = 256 * 1024
/** The place of the message in a memory file. */
const TOP = TOP_LINE.length
/** Bytes of a memory file: clamd gets no larger one by descriptor. */
export const MEMORY_FILE_MAX = 16 * 1024 * 1024

/** The places where the bytes of a message are kept that are too many for a buffer. */
export interface FilePlaces {
  readonly policy: SpoolPolicy
  /** Set if this host has memory files. */
  readonly memoryFiles?: System | undefined
}

/**
 * A file without a name that takes a message while it comes: a memory file with TOP_LINE above the
 * message. Once the message is whole the file is sealed, so that a clamd of this host reads it where
 * it lies, without a copy. What is beyond MEMORY_FILE_MAX, or what there is no memory to spare for,
 * goes to a second file, on the disk. Faults: `temp-file` and `write`.
 */
export class GatheredFile extends Bytes {
  readonly #places: FilePlaces
  readonly #lease: MemoryLease
  readonly #memoryFile: number // negative if there is none
  #inMemory = 0 // bytes of the message in the memory file
  #disk = -1 // set once there is no memory for more
  #onDisk = 0
  #sealed: number | undefined

  constructor(places: FilePlaces, lease: MemoryLease) {
    super()
    this.#places = places
    this.#lease = lease
    this.#memoryFile = places.memoryFiles?.memoryFile() ?? -1
  }

  write(bytes: Buffer): void {
    if (this.#disk < 0 && this.#putInMemory(bytes)) return
    const { directory } = this.#places.policy
    if (this.#disk < 0) this.#disk = openAnonymousFile(directory)
    writeAll(this.#disk, bytes, this.#onDisk, directory)
    this.#onDisk += bytes.length
  }

  /** Seals the memory file, if the whole message is in it: nobody can change it any more. */
  seal(): void {
    if (this.#disk >= 0) return
    try {
      writeWhole(this.#memoryFile, TOP_LINE, 0)
      if (this.#places.memoryFiles!.seal(this.#memoryFile)) this.#sealed = this.#memoryFile
    } catch {
      // There is no memory left on this host for TOP_LINE. The message is there without it.
    }
  }

  get sealed(): number | undefined {
    return this.#sealed
  }

  get size(): number {
    return this.#inMemory + this.#onDisk
  }

  *chunks(from = 0, to = this.size): Generator<Buffer> {
    const end = this.#inMemory
    if (from < end) yield* pieces(this.#memoryFile, TOP + from, TOP + Math.min(to, end))
    if (to > end) yield* pieces(this.#disk, Math.max(from - end, 0), to - end)
  }

  close(): void {
    if (this.#memoryFile >= 0) closeSync(this.#memoryFile)
    if (this.#disk >= 0) closeSync(this.#disk)
  }

  /** Writes to the memory file; returns false if there is no memory for that. */
  #putInMemory(bytes: Buffer): boolean {
    const at = TOP + this.#inMemory
    const isRoom = at + bytes.length <= MEMORY_FILE_MAX && this.#lease.isPlenty(bytes.length)
    if (this.#memoryFile < 0 || !isRoom) return false
    try {
      writeWhole(this.#memoryFile, bytes, at)
    } catch {
      return false // other programs may have taken the memory of the host
    }
    this.#lease.charge(bytes.length)
    this.#inMemory += bytes.length
    return true
  }
}

/**
 * Reads a part of a file in pieces, each valid until the next one is asked for. Each call has a buffer
 * of its own: nothing else writes into what is being hashed or sent.
 */
function* pieces(fd: number, from: number, to: number): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(CHUNK, Math.max(0, to - from)))
  for (let at = from; at < to; ) {
    const piece = buffer.subarray(0, Math.min(buffer.length, to - at))
    fill(fd, piece, at)
    yield piece
    at += piece.length
  }
}

/** Fills `bytes` from a place in a file. */
function fill(fd: number, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    const length = readSync(fd, bytes, done, bytes.length - done, position + done)
    if (length === 0) throw new Fault('read', 'the message became shorter while it was read')
    done += length
  }
}
