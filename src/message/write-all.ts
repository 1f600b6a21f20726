import { writeWhole } from '../ground/process/write-whole.ts'
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

/** Bytes that are written before anything else gets a turn. */
export const TURN = 1024 * 1024

/**
 * The same in turns of the event loop: other messages do not wait for a large one. Throws if
 * `isOver` tells, at the beginning of a turn, that nobody wants it any more: descriptors may be
 * closed by then, and another message's.
 */
export async function writeInTurns(
  fd: number,
  chunks: Iterable<Buffer>,
  position: number,
  place: string,
  isOver: () => boolean = () => false,
): Promise<void> {
  let at = position
  let turn = 0
  for (const chunk of chunks) {
    writeAll(fd, chunk, at, place)
    at += chunk.length
    turn += chunk.length
    if (turn < TURN) continue
    turn = 0
    await new Promise(setImmediate)
    if (isOver()) throw new Error('the message is over')
  }
}
