import { readSync } from 'node:fs'
import type { TakeLines } from './lines.ts'
import type { LogRecord } from './log-record.ts'

const LINE_END = 10
/** Bytes that are read at once: more than any line that counts. */
const CHUNK = 1024 * 1024

/**
 * The last entries of a file of so many bytes, at most `most` of them, oldest first, and where
 * its last whole line ends. Reads backwards no further than it must, in constant memory.
 * `createTake` makes what reads lines into entries.
 */
export function readLast(
  fd: number,
  size: number,
  most: number,
  createTake: (found: (entry: LogRecord) => void) => TakeLines,
): { readonly entries: LogRecord[]; readonly position: number } {
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  let entries: LogRecord[] = []
  let ofChunk: LogRecord[] = []
  const take = createTake((entry) => ofChunk.push(entry))
  let position = -1
  for (let end = size; end > 0 && entries.length < most; ) {
    const start = Math.max(0, end - CHUNK)
    const chunk = buffer.subarray(0, readSync(fd, buffer, 0, end - start, start))
    const last = chunk.lastIndexOf(LINE_END)
    if (position < 0 && last >= 0) position = start + last + 1
    // The first line of a chunk may begin before it.
    const first = start === 0 ? 0 : chunk.indexOf(LINE_END) + 1
    if (first <= last) take(chunk, first, last + 1)
    entries = [...ofChunk.slice(-(most - entries.length)), ...entries]
    ofChunk = []
    const behind = start + (first <= last ? first : last + 1)
    end = behind < end ? behind : start // a line that fills a chunk is none of ours
  }
  return { entries, position: Math.max(0, position) }
}
