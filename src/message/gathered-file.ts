import { closeSync } from 'node:fs'
import { writeWhole } from '../ground/runtime/write-whole.ts'
import { openAnonymousFile } from './anonymous-file.ts'
import type { MessageForm } from './form.ts'
import { messageIn, pieces } from './handed.ts'
import type { LookOptions } from './held.ts'
import type { Message } from './spool.ts'
import { TOP_LINE } from './top-line.ts'
import { writeAll, writeAllOf } from './write-all.ts'

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
  /** To be closed. Nothing may be written any more. */
  finish(form: MessageForm): Message
  /** It does not become a message. */
  discard(): void
}

/**
 * In a memory file with the line for scanners on top, which is sealed once it is whole: so a clamd
 * of this host reads it where it lies, without a copy. Without memory to spare, or over
 * MEMORY_FILE_MAX, on the disk. Faults: `temp-file` and `write`.
 */
export function createGatheredFile(options: LookOptions, memory: FileMemory): GatheredFile {
  const { directory } = options.policy
  const { memoryFiles } = options
  let size = 0
  let taken = 0
  let fd = memoryFiles?.memoryFile() ?? -1
  let inMemory = fd >= 0 && put(TOP_LINE, 0)
  if (!inMemory) {
    if (fd >= 0) closeSync(fd)
    fd = openAnonymousFile(directory)
  }

  /** Whether that could be written to the memory file. */
  function put(bytes: Buffer, position: number): boolean {
    const end = position + bytes.length
    if (end > MEMORY_FILE_MAX || !memory.take(bytes.length)) return false
    taken += bytes.length
    try {
      writeWhole(fd, bytes, position)
      return true
    } catch {
      return false // what there is of memory is not ours alone
    }
  }

  function goToDisk(): void {
    const before = fd
    fd = openAnonymousFile(directory)
    inMemory = false
    try {
      const from = TOP_LINE.length
      writeAllOf(fd, pieces(before, from, from + size), 0, directory)
    } finally {
      closeSync(before)
      memory.giveBack(taken)
    }
  }

  return {
    write(bytes) {
      if (inMemory && !put(bytes, TOP_LINE.length + size)) goToDisk()
      if (!inMemory) writeAll(fd, bytes, size, directory)
      size += bytes.length
    },
    finish(form) {
      const close = () => closeSync(fd)
      const offset = inMemory ? TOP_LINE.length : 0
      const sealed = inMemory && memoryFiles!.seal(fd)
      try {
        return messageIn({ descriptor: fd, offset, size, sealed }, options, close, form)
      } catch (error) {
        close()
        throw error
      }
    },
    discard: () => closeSync(fd),
  }
}
