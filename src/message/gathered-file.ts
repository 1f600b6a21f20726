import { closeSync } from 'node:fs'
import { writeWhole } from '../ground/process/write-whole.ts'
import { openAnonymousFile } from './anonymous-file.ts'
import type { MessageForm } from './form.ts'
import type { MessageOptions } from './in-memory.ts'
import { messageInFile, pieces } from './passed-file.ts'
import type { Message } from './spool.ts'
import { TOP_LINE } from './top-line.ts'
import { TURN, writeAll, writeAllOf } from './write-all.ts'

/** Bytes of a message up to which its file is one in memory: clamd gets none by descriptor that is larger. */
export const MEMORY_FILE_MAX = 16 * 1024 * 1024

/** What messages may have in memory files. */
export interface FileMemory {
  /** Sets so many bytes more aside; false if there are none to spare. */
  take(bytes: number): boolean
  giveBack(bytes: number): void
}

/** A message in a file without a name, while it comes. */
export interface GatheredFile {
  write(bytes: Buffer): void
  /** To be closed. Nothing may be written any more. If that fails, nothing is left to discard. */
  finish(form: MessageForm): Promise<Message>
  /** It does not become a message; not to be called once `finish` was. */
  discard(): void
}

/**
 * In a memory file with the line for scanners on top, which is sealed once it is whole: so a clamd
 * of this host reads it where it lies, without a copy. Without memory to spare, or over
 * MEMORY_FILE_MAX, on the disk, where what lies in memory goes piece by piece, beside what comes:
 * other mail does not wait for it. Faults: `temp-file` and `write`.
 */
export function createGatheredFile(options: MessageOptions, memory: FileMemory): GatheredFile {
  const { directory } = options.policy
  const { memoryFiles } = options
  let size = 0
  let taken = 0
  let inMemory = 0 // bytes of the message that the memory file has
  let moved = 0 // how many of these are on the disk
  let memoryFile = memoryFiles?.memoryFile() ?? -1
  let disk = -1 // from the moment on at which there is no memory for more
  if (memoryFile >= 0 && !put(TOP_LINE, 0)) closeMemory()
  if (memoryFile < 0) disk = openAnonymousFile(directory)

  /** Whether that could be written to the memory file. */
  function put(bytes: Buffer, position: number): boolean {
    const end = position + bytes.length
    if (end > MEMORY_FILE_MAX || !memory.take(bytes.length)) return false
    taken += bytes.length
    try {
      writeWhole(memoryFile, bytes, position)
      return true
    } catch {
      return false // what there is of memory is not ours alone
    }
  }

  function closeMemory(): void {
    if (memoryFile >= 0) closeSync(memoryFile)
    memoryFile = -1
    memory.giveBack(taken)
    taken = 0
  }

  /** The next piece of what lies in memory. */
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
