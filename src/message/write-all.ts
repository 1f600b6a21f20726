import { writeWhole } from '../ground/runtime/write-whole.ts'
import { spoolFault } from './anonymous-file.ts'

/** Writes all of the bytes at `position`. Throws a Fault of kind `write` that names `place`. */
export function writeAll(fd: number, bytes: Buffer, position: number, place: string): void {
  try {
    writeWhole(fd, bytes, position)
  } catch (error) {
    throw spoolFault(`cannot write the spool file in ${place}`, error)
  }
}

/** The same for chunks that are valid until the next one is asked for, one behind the other. */
export function writeAllOf(
  fd: number,
  chunks: Iterable<Buffer>,
  position: number,
  place: string,
): void {
  let at = position
  for (const chunk of chunks) {
    writeAll(fd, chunk, at, place)
    at += chunk.length
  }
}
