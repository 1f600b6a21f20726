import { closeSync } from 'node:fs'
import type { MemoryLease } from '../../base/flow/memory-budget.ts'
import { writeWhole } from '../../base/process/descriptors.ts'
import { Bytes } from './bytes.ts'
import { MappedFile } from './mapped-file.ts'
import type { MessageOptions } from './message-options.ts'
import { openAnonymousFile, piecesOfFile, writeAll } from './spool.ts'

/** Bytes of a file that are read at a time. */
const CHUNK = 64 * 1024

/** Bytes of a file that are copied at a time. */
const COPIED = 1024 * 1024

/** Upper limit, in bytes, for a memory file, and for any file that clamd receives by descriptor. */
export const MEMORY_FILE_MAX = 16 * 1024 * 1024

/**
 * An unnamed file that stores a message while it arrives, below some bytes, `top`. It is a memory file, which is sealed
 * once the message is complete, so that a clamd of this host reads it without a copy. With more than MEMORY_FILE_MAX
 * bytes, or more than memory is free, the message moves to a file on the disk. Faults: `temp-file` and `write`.
 */
export class GatheredFile extends Bytes {
  readonly #options: MessageOptions
  readonly #lease: MemoryLease
  readonly #top: Buffer
  #file: number // negative if there is none yet
  #isInMemory = true
  #size = 0
  #hasTop = false
  #sealed: number | undefined
  #mapped: MappedFile | undefined

  constructor(options: MessageOptions, lease: MemoryLease) {
    super()
    this.#options = options
    this.#lease = lease
    this.#top = options.top ?? Buffer.alloc(0)
    this.#file = options.memoryFiles?.memoryFile() ?? -1
  }

  write(bytes: Buffer): void {
    if (!(this.#isInMemory && this.#putInMemory(bytes))) {
      if (this.#isInMemory) this.#moveToDisk()
      writeAll(this.#file, bytes, this.#end, this.#shown)
    }
    this.#size += bytes.length
  }

  /** Writes `top` above the message, and seals the memory file if the message is in it: it can no longer be changed. */
  seal(): void {
    try {
      writeWhole(this.#file, this.#top, 0)
      this.#hasTop = this.#top.length > 0
      if (!this.#isInMemory) return
      if (this.#options.memoryFiles!.seal(this.#file)) this.#sealed = this.#file
    } catch {
      // There is no space left on this host for those bytes. The message is there without them.
    }
  }

  get sealed(): number | undefined {
    return this.#sealed
  }

  /** `top` and the message, if `top` could be written: the bytes of the file, which are not copied. */
  get below(): Bytes | undefined {
    return this.#hasTop ? new WholeFile(this, this.#top.length) : undefined
  }

  get size(): number {
    return this.#size
  }

  /** Chunks are copies, so that bytes that are still being sent stay valid when the file is closed. */
  chunks(from = 0, to = this.#size): Generator<Buffer> {
    return this.chunksOfFile(this.#top.length + from, this.#top.length + to)
  }

  override gather(from = 0, to = this.#size): Buffer {
    const top = this.#top.length
    return this.mapped().subarray(top + from, top + Math.min(to, this.#size))
  }

  /** Returns the bytes of the file from one offset to another. */
  chunksOfFile(from: number, to: number): Generator<Buffer> {
    return piecesOfFile(this.#file, from, to, CHUNK)
  }

  /** Returns the bytes of the file, `top` included. */
  mapped(): Buffer {
    this.#mapped ??= new MappedFile(this.#file, this.#end)
    return this.#mapped.bytes
  }

  close(): void {
    this.#mapped?.close()
    if (this.#file >= 0) closeSync(this.#file)
  }

  /** The end of the message in the file. */
  get #end(): number {
    return this.#top.length + this.#size
  }

  get #shown(): string {
    return `${this.#options.spool.directory} (TMPDIR)`
  }

  #moveToDisk(): void {
    const memory = this.#file
    if (memory >= 0) this.#lease.release(this.#size)
    this.#file = openAnonymousFile(this.#options.spool.directory)
    this.#isInMemory = false
    let at = this.#top.length
    try {
      for (const piece of piecesOfFile(memory, at, this.#end, COPIED)) {
        writeAll(this.#file, piece, at, this.#shown)
        at += piece.length
      }
    } finally {
      if (memory >= 0) closeSync(memory)
    }
  }

  /** Writes to the memory file. Returns false if there is no memory for that. */
  #putInMemory(bytes: Buffer): boolean {
    const isRoom = this.#end + bytes.length <= MEMORY_FILE_MAX && this.#lease.isPlenty(bytes.length)
    if (this.#file < 0 || !isRoom) return false
    try {
      writeWhole(this.#file, bytes, this.#end)
    } catch {
      return false // other programs may have taken the memory of the host
    }
    this.#lease.charge(bytes.length)
    return true
  }
}

/** All bytes of a gathered file: those above the message, and the message. */
class WholeFile extends Bytes {
  readonly #file: GatheredFile
  readonly size: number

  constructor(file: GatheredFile, top: number) {
    super()
    this.#file = file
    this.size = top + file.size
  }

  chunks(from = 0, to = this.size): Generator<Buffer> {
    return this.#file.chunksOfFile(from, to)
  }

  override gather(from = 0, to = this.size): Buffer {
    return this.#file.mapped().subarray(from, Math.min(to, this.size))
  }
}
