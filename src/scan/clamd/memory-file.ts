import { closeSync } from 'node:fs'
import { errorText } from '../../ground/errors/fault.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import { writeWhole } from '../../ground/process/write-whole.ts'
import { TURN } from '../../message/write-all.ts'
import type { Sample } from '../shared/scanner.ts'

/** The error if no memory file can be made, because no descriptor or no memory is left. */
export class NoMemoryFile extends Error {}

/**
 * Copies a sample into a memory file. Resolves to its descriptor, which the caller closes. Rejects
 * with NoMemoryFile, or with the error of reading the sample.
 */
export async function memoryFileOf(sample: Sample, passing: PassedDescriptors): Promise<number> {
  const file = passing.memoryFile()
  if (file < 0) throw new NoMemoryFile(`memfd_create: error ${-file}`)
  try {
    let at = 0
    let turn = 0
    for (const chunk of sample.chunks()) {
      if (turn >= TURN) {
        turn = 0
        await new Promise(setImmediate)
      }
      write(file, chunk, at)
      at += chunk.length
      turn += chunk.length
    }
    return file
  } catch (error) {
    closeSync(file)
    throw error
  }
}

/** Writes at `at`, and leaves the file's own offset at 0: clamd shares it, and reads from there. */
function write(file: number, bytes: Buffer, at: number): void {
  try {
    writeWhole(file, bytes, at)
  } catch (error) {
    throw new NoMemoryFile(errorText(error))
  }
}
