import { closeSync } from 'node:fs'
import type { MemoryLease } from '../../lib/flow/memory-budget.ts'
import { writeWhole } from '../../lib/process/descriptors.ts'
import { Bytes } from './bytes.ts'
import type { MessageOptions } from './message-options.ts'
import { openAnonymousFile, piecesOfFile, writeAll } from './spool.ts'

/** Bytes of a file that are read at a time. */
const CHUNK = 64 * 1024

/** Upper limit, in bytes, for a memory file, and for any file that clamd receives by descriptor. */
export const MEMORY_FILE_MAX = 16 * 1024 * 1024

/**
 * An unnamed file that stores a message while it arrives: a memory file with some bytes, `top`, above the
 * message. Once the message is complete the file is sealed, so that a clamd of this host reads it without a
 * copy. Bytes beyond MEMORY_FILE_MAX, or beyond the free memory, go to a second file, on the disk. Faults:
 * `temp-file` and `write`.
 */
export class GatheredFile extends Bytes {
  readonly #options: MessageOptions
  readonly #lease: MemoryLease
  readonly #top: Buffer
  readonly #memoryFile: number // negative if there is none
  #inMemory = 0 // bytes of the message in the memory file
  #disk = -1 // set once there is no memory for more
  #onDisk = 0
  #sealed: number | undefined

  constructor(options: MessageOptions, lease: MemoryLease, top: Buffer) {
    super()
    this.#options = options
    this.#lease = lease
    this.#top = top
    this.#memoryFile = options.memoryFiles?.memoryFile() ?? -1
  }

  write(bytes: Buffer): void {
    if (this.#disk < 0 && this.#putInMemory(bytes)) return
    const { directory } = this.#options.spool
    if (this.#disk < 0) this.#disk = openAnonymousFile(directory)
    writeAll(this.#disk, bytes, this.#onDisk, `${directory} (TMPDIR)`)
    this.#onDisk += bytes.length
  }

  /** Seals the memory file, if the whole message is in it: it can no longer be changed. */
  seal(): void {
    if (this.#disk >= 0) return
    try {
      writeWhole(this.#memoryFile, this.#top, 0)
      if (this.#options.memoryFiles!.seal(this.#memoryFile)) this.#sealed = this.#memoryFile
    } catch {
      // There is no memory left on this host for those bytes. The message is there without them.
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
    const top = this.#top.length
    if (from < end)
      yield* piecesOfFile(this.#memoryFile, top + from, top + Math.min(to, end), CHUNK)
    if (to > end) yield* piecesOfFile(this.#disk, Math.max(from - end, 0), to - end, CHUNK)
  }

  close(): void {
    if (this.#memoryFile >= 0) closeSync(this.#memoryFile)
    if (this.#disk >= 0) closeSync(this.#disk)
  }

  /** Writes to the memory file. Returns false if there is no memory for that. */
  #putInMemory(bytes: Buffer): boolean {
    const at = this.#top.length + this.#inMemory
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
