import { readSync } from 'node:fs'
import type { TakeLines } from './lines.ts'
import type { LogRecord } from './log-record.ts'

const LINE_END = 10
/** Bytes that are read at once: more than any line of ours has. */
const CHUNK = 1024 * 1024

/**
 * Returns the last records of a file of `size` bytes, at most `most` of them, the oldest first, and
 * the position behind its last whole line. Reads backwards no further than it must, in constant
 * memory. `createTake` makes the function that reads lines into records.
 */
export function readLast(
  fd: number,
  size: number,
  most: number,
  createTake: (found: (record: LogRecord) => void) => TakeLines,
): { readonly records: LogRecord[]; readonly position: number } {
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  let records: LogRecord[] = []
  let ofChunk: LogRecord[] = []
  const take = createTake((record) => ofChunk.push(record))
  let position = -1
  for (let end = size; end > 0 && records.length < most; ) {
    const start = Math.max(0, end - CHUNK)
    const chunk = buffer.subarray(0, readSync(fd, buffer, 0, end - start, start))
    const last = chunk.lastIndexOf(LINE_END)
    if (position < 0 && last >= 0) position = start + last + 1
    // The first line of a chunk may begin before it.
    const first = start === 0 ? 0 : chunk.indexOf(LINE_END) + 1
    if (first <= last) take(chunk, first, last + 1)
    records = [...ofChunk.slice(-(most - records.length)), ...records]
    ofChunk = []
    const behind = start + (first <= last ? first : last + 1)
    end = behind < end ? behind : start // a line that fills a chunk is none of ours
  }
  return { records, position: Math.max(0, position) }
}
