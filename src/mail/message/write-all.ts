import { writeWhole } from '../../ground/process/descriptors.ts'
import { spoolFault } from './anonymous-file.ts'

/** Writes all of the bytes at `position`. Throws a Fault of kind `write` that names `shown`, a directory or file. */
export function writeAll(fd: number, bytes: Buffer, position: number, shown: string): void {
  try {
    writeWhole(fd, bytes, position)
  } catch (error) {
    throw spoolFault(`cannot write the spool file in ${shown}`, error)
  }
}

/** Writes chunks one after the other, from `position` on. Each is valid until the next one is asked for. */
export function writeAllOf(
  fd: number,
  chunks: Iterable<Buffer>,
  position: number,
  shown: string,
): void {
  let at = position
  for (const chunk of chunks) {
    writeAll(fd, chunk, at, shown)
    at += chunk.length
  }
}

/** Bytes that are written before other work gets a turn. */
const TURN = 1024 * 1024

/**
 * Writes chunks as writeAllOf() does, in turns of the event loop, so that other messages do not wait
 * for a large one. Throws if `isOver` returns true at the beginning of a turn: nobody wants the bytes
 * any more, and the descriptor may be that of another message by then.
 */
export async function writeInTurns(
  fd: number,
  chunks: Iterable<Buffer>,
  position: number,
  shown: string,
  isOver: () => boolean = () => false,
): Promise<void> {
  let at = position
  let turn = 0
  for (const chunk of chunks) {
    writeAll(fd, chunk, at, shown)
    at += chunk.length
    turn += chunk.length
    if (turn < TURN) continue
    turn = 0
    await new Promise(setImmediate)
    if (isOver()) throw new Error('the message is over')
  }
}
