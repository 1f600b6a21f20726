import { closeSync, readSync } from 'node:fs'
import { Fault } from '../ground/errors/fault.ts'
import { writeWhole } from '../ground/process/write-whole.ts'
import { openAnonymousFile } from './anonymous-file.ts'
import type { MessageForm } from './form.ts'
import { findHeaderEnd, HEADER_MAX } from './header-block.ts'
import { headerOf, type MessageOptions, rereadable } from './in-memory.ts'
import type { Message } from './message.ts'
import { TOP_LINE } from './top-line.ts'
import { TURN, writeAll, writeAllOf } from './write-all.ts'

/** Bytes of a file that are read at a time. */
const CHUNK = 256 * 1024
/** Bytes that are read at first; nearly every header block fits in them. */
const FRONT = 64 * 1024
/** Bytes of a message up to which its file is in memory: clamd gets no larger one by descriptor. */
export const MEMORY_FILE_MAX = 16 * 1024 * 1024

/** The memory that messages may take for memory files. */
export interface FileMemory {
  /** Takes so many more bytes; returns false if there are none to spare. */
  take(bytes: number): boolean
  giveBack(bytes: number): void
}

/**
 * A file without a name that takes a message while it comes: a memory file with TOP_LINE above the
 * message. Once the message is whole the file is sealed, so that a clamd of this host reads it where
 * it lies, without a copy. A message over MEMORY_FILE_MAX, or for which there is no memory to spare,
 * goes to the disk: with each piece that comes, a piece moves there from memory, so that other mail
 * does not wait for it. Faults: `temp-file` and `write`.
 */
export class GatheredFile {
  readonly #options: MessageOptions
  readonly #memory: FileMemory
  #size = 0
  #taken = 0 // bytes of memory
  #memoryFile: number // -1 if there is none
  #inMemory = 0 // bytes of the message in the memory file
  #moved = 0 // those of them that are on the disk, too
  #disk = -1 // set once there is no memory for more

  constructor(options: MessageOptions, memory: FileMemory) {
    this.#options = options
    this.#memory = memory
    this.#memoryFile = options.memoryFiles?.memoryFile() ?? -1
    if (this.#memoryFile >= 0 && !this.#putInMemory(TOP_LINE, 0)) this.#closeMemory()
    if (this.#memoryFile < 0) this.#openDisk()
  }

  write(bytes: Buffer): void {
    if (this.#disk < 0 && this.#putInMemory(bytes, TOP_LINE.length + this.#size)) {
      this.#inMemory += bytes.length
    } else {
      if (this.#disk < 0) this.#openDisk()
      this.#moveToDisk()
      writeAll(this.#disk, bytes, this.#size, this.#directory)
    }
    this.#size += bytes.length
  }

  /**
   * Makes a message of the file, with its form if that is known; the caller closes it. Nothing may be
   * written afterwards. If this rejects, there is nothing left to discard.
   */
  async finish(form?: MessageForm): Promise<Message> {
    try {
      while (this.#disk >= 0 && this.#memoryFile >= 0) {
        this.#moveToDisk()
        await new Promise(setImmediate)
      }
      return messageInFile(this.#contents(), this.#options, form)
    } catch (error) {
      this.discard()
      throw error
    }
  }

  /** Removes a file of which no message is made. May not be called after `finish`. */
  discard(): void {
    this.#closeMemory()
    if (this.#disk >= 0) closeSync(this.#disk)
  }

  get #directory(): string {
    return this.#options.policy.directory
  }

  #openDisk(): void {
    this.#disk = openAnonymousFile(this.#directory)
  }

  /** Writes to the memory file; returns false if there is no memory for that. */
  #putInMemory(bytes: Buffer, position: number): boolean {
    const end = position + bytes.length
    if (end > MEMORY_FILE_MAX || !this.#memory.take(bytes.length)) return false
    this.#taken += bytes.length
    try {
      writeWhole(this.#memoryFile, bytes, position)
      return true
    } catch {
      return false // other programs may have taken the memory of the host
    }
  }

  #closeMemory(): void {
    if (this.#memoryFile >= 0) closeSync(this.#memoryFile)
    this.#memoryFile = -1
    this.#memory.giveBack(this.#taken)
    this.#taken = 0
  }

  /** Moves the next piece from memory to the disk. */
  #moveToDisk(): void {
    if (this.#memoryFile < 0) return
    const to = Math.min(this.#inMemory, this.#moved + TURN)
    const from = TOP_LINE.length
    const piece = pieces(this.#memoryFile, from + this.#moved, from + to)
    writeAllOf(this.#disk, piece, this.#moved, this.#directory)
    this.#moved = to
    if (this.#moved === this.#inMemory) this.#closeMemory()
  }

  /** The whole message, which is in one of the two files. */
  #contents(): FileContents {
    const size = this.#size
    if (this.#disk >= 0) return { fd: this.#disk, from: 0, size, isSealed: false }
    const isSealed = this.#options.memoryFiles!.seal(this.#memoryFile)
    return { fd: this.#memoryFile, from: TOP_LINE.length, size, isSealed }
  }
}

/** A file that holds a message from `from` on, and nobody else changes. */
interface FileContents {
  readonly fd: number
  readonly from: number
  /** Bytes of the message. */
  readonly size: number
  /** Whether it is in memory and sealed, with TOP_LINE in front of the message. */
  readonly isSealed: boolean
}

/** Makes a message of a file, which is closed with it. */
function messageInFile(file: FileContents, options: MessageOptions, form?: MessageForm): Message {
  const { fd, from, size, isSealed } = file
  const read = (start: number, end: number) => pieces(fd, from + start, from + end)
  const message = rereadable({ size, ...headerIn(file) }, read, options, form)
  const front = Buffer.concat([TOP_LINE, message.header.bytes])
  return {
    ...message,
    ...(isSealed && { sealedFile: (top: Buffer) => (top.equals(front) ? fd : undefined) }),
    close() {
      message.close()
      closeSync(fd)
    },
  }
}

/** Reads the header block: from the first bytes, or else from as many as a block may have and one more. */
function headerIn({ fd, from, size }: FileContents): ReturnType<typeof headerOf> {
  const front = Buffer.allocUnsafe(Math.min(size, FRONT))
  fill(fd, front, from)
  const found = findHeaderEnd(front, 0)
  if ('end' in found) return headerOf(Buffer.from(front.subarray(0, found.end)))
  const all = Buffer.allocUnsafe(Math.min(size, HEADER_MAX + 1))
  fill(fd, all, from)
  return headerOf(all)
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
