import { closeSync } from 'node:fs'
import { writeWhole } from '../ground/process/write-whole.ts'
import { openAnonymousFile } from './anonymous-file.ts'
import type { MessageForm } from './form.ts'
import type { MessageOptions } from './in-memory.ts'
import { messageInFile, pieces } from './passed-file.ts'
import type { Message } from './spool.ts'
import { TOP_LINE } from './top-line.ts'
import { TURN, writeAll, writeAllOf } from './write-all.ts'

/** Bytes of a message up to which its file is in memory: clamd gets no larger one by descriptor. */
export const MEMORY_FILE_MAX = 16 * 1024 * 1024

/** The memory that messages may take for memory files. */
export interface FileMemory {
  /** Takes so many more bytes; returns false if there are none to spare. */
  take(bytes: number): boolean
  giveBack(bytes: number): void
}

/** A file without a name that takes a message while it comes. */
export interface GatheredFile {
  write(bytes: Buffer): void
  /**
   * Makes a message of the file, which the caller closes. Nothing may be written afterwards. If this
   * rejects, there is nothing left to discard.
   */
  finish(form: MessageForm): Promise<Message>
  /** Removes a file of which no message is made. May not be called after `finish`. */
  discard(): void
}

/**
 * Makes a memory file with TOP_LINE above the message. Once the message is whole the file is sealed,
 * so that a clamd of this host reads it where it lies, without a copy. A message over MEMORY_FILE_MAX,
 * or for which there is no memory to spare, goes to the disk: with each piece that comes, a piece
 * moves there from memory, so that other mail does not wait for it. Faults: `temp-file` and `write`.
 */
export function createGatheredFile(options: MessageOptions, memory: FileMemory): GatheredFile {
  const { directory } = options.policy
  const { memoryFiles } = options
  let size = 0
  let taken = 0
  let inMemory = 0 // bytes of the message in the memory file
  let moved = 0 // those of them that are on the disk, too
  let memoryFile = memoryFiles?.memoryFile() ?? -1
  let disk = -1 // set once there is no memory for more
  if (memoryFile >= 0 && !put(TOP_LINE, 0)) closeMemory()
  if (memoryFile < 0) disk = openAnonymousFile(directory)

  /** Writes to the memory file; returns false if there is no memory for that. */
  function put(bytes: Buffer, position: number): boolean {
    const end = position + bytes.length
    if (end > MEMORY_FILE_MAX || !memory.take(bytes.length)) return false
    taken += bytes.length
    try {
      writeWhole(memoryFile, bytes, position)
      return true
    } catch {
      return false // other programs may have taken the memory of the host
    }
  }

  function closeMemory(): void {
    if (memoryFile >= 0) closeSync(memoryFile)
    memoryFile = -1
    memory.giveBack(taken)
    taken = 0
  }

  /** Moves the next piece from memory to the disk. */
  function moveToDisk(): void {
    if (memoryFile < 0) return
    const to = Math.min(inMemory, moved + TURN)
    const from = TOP_LINE.length
    writeAllOf(disk, pieces(memoryFile, from + moved, from + to), moved, directory)
    moved = to
    if (moved === inMemory) closeMemory()
  }

  function discard(): void {
    closeMemory()
    if (disk >= 0) closeSync(disk)
  }

  return {
    write(bytes) {
      if (disk < 0 && put(bytes, TOP_LINE.length + size)) {
        inMemory += bytes.length
      } else {
        if (disk < 0) disk = openAnonymousFile(directory)
        moveToDisk()
        writeAll(disk, bytes, size, directory)
      }
      size += bytes.length
    },
    async finish(form) {
      try {
        while (disk >= 0 && memoryFile >= 0) {
          moveToDisk()
          await new Promise(setImmediate)
        }
        const isSealed = disk < 0 && memoryFiles!.seal(memoryFile)
        const descriptor = disk < 0 ? memoryFile : disk
        const offset = disk < 0 ? TOP_LINE.length : 0
        const close = () => closeSync(descriptor)
        return messageInFile({ descriptor, offset, size, sealed: isSealed }, options, close, form)
      } catch (error) {
        discard()
        throw error
      }
    },
    discard,
  }
}
