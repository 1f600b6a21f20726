import { closeSync, type FSWatcher, fstatSync, readSync, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { createLineCutter, type LineCutter, type TakeLines } from './lines.ts'
import type { LogRecord } from './log-record.ts'
import { readLast } from './read-last.ts'
import { type LogQuery, takeMatching } from './read-log.ts'
import { openRegularFile } from './regular-file.ts'
import type { LogSource } from './sources.ts'

/** Milliseconds between two polls of a log whose file system reports no changes, such as NFS. */
const POLL_EVERY = 1000
/** Bytes that are read at once. The records in them are held until they are printed. */
const CHUNK = 128 * 1024
/** How many bytes before the position are compared, to see that the file is still the same. */
const LAST = 256

export interface Follower {
  /** Returns the last records of the file, at most so many; `read` goes on behind them. */
  last(most: number): LogRecord[]
  /**
   * Yields the records that were written since the last call, to the file that has the name now and
   * to the one that had it before. The caller must read to the end.
   */
  read(): Generator<LogRecord[]>
  close(): void
}

/**
 * Follows the newest file of a log by its name, as `tail -F` does. When the file is renamed and
 * another one takes its name, the rest of the old file comes first. A file that was truncated is
 * read from its beginning.
 */
export function followLog({ files, label }: LogSource, query: LogQuery): Follower {
  const path = files.at(-1)!.path
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  let records: LogRecord[] = []
  let file: { readonly fd: number; readonly inode: number } | undefined
  let position = 0
  /** The bytes before the position. */
  let last = Buffer.alloc(0)
  let cutter = newCutter()

  function taker(found: (record: LogRecord) => void): TakeLines {
    return takeMatching(label, Date.now(), query, found)
  }

  function newCutter(): LineCutter {
    return createLineCutter(taker((record) => records.push(record)))
  }

  function open(): void {
    try {
      const fd = openRegularFile(path)
      file = { fd, inode: fstatSync(fd).ino }
    } catch {
      file = undefined // the old file is gone and the new one not there yet; the next read looks again
    }
    position = 0
    cutter = newCutter()
  }

  function* readOn(fd: number): Generator<LogRecord[]> {
    if (fstatSync(fd).size < position || isOther(fd)) {
      position = 0
      cutter = newCutter()
    }
    for (;;) {
      const size = readSync(fd, buffer, 0, CHUNK, position)
      if (size === 0) return
      position += size
      last = Buffer.from(buffer.subarray(Math.max(0, size - LAST), size))
      cutter.push(buffer.subarray(0, size))
      yield* handOver()
    }
  }

  function* handOver(): Generator<LogRecord[]> {
    const batch = records
    records = []
    if (batch.length > 0) yield batch
  }

  /** Whether this is another file: a truncated one may have grown to its old size meanwhile. */
  function isOther(fd: number): boolean {
    if (position === 0) return false
    const now = Buffer.alloc(last.length)
    const size = readSync(fd, now, 0, now.length, position - now.length)
    return size < now.length || !now.equals(last)
  }

  function close(): void {
    if (file) closeSync(file.fd)
    file = undefined
  }

  return {
    last(most) {
      if (file === undefined) open()
      if (file === undefined) return []
      const { fd } = file as { fd: number }
      const read = readLast(fd, fstatSync(fd).size, most, taker)
      position = read.position
      last = Buffer.alloc(Math.min(LAST, position))
      readSync(fd, last, 0, last.length, position - last.length)
      return read.records
    },
    *read() {
      if (file === undefined) open()
      const inode = statSync(path, { throwIfNoEntry: false })?.ino
      if (file) yield* readOn(file.fd)
      if (file && inode !== undefined && inode !== file.inode) {
        yield* readOn(file.fd) // lines that were written since, before the file lost its name
        cutter.end()
        yield* handOver()
        close()
        open()
        if (file) yield* readOn((file as { fd: number }).fd)
      }
    },
    close,
  }
}

/**
 * Watches logs. changed() resolves at the next sign that one of them has changed, and at the latest
 * after a second.
 */
export function watchLogs(sources: readonly LogSource[]): {
  changed(): Promise<void>
  close(): void
} {
  let wake = () => {}
  let pending = false
  const tell = () => {
    pending = true
    wake()
  }
  const directories = new Set(sources.map(({ files }) => dirname(files.at(-1)!.path)))
  const watchers = [...directories].flatMap((directory): FSWatcher[] => {
    try {
      return [watch(directory, tell).on('error', () => {})]
    } catch {
      return [] // no inotify is left: the timer must do
    }
  })
  const timer = setInterval(tell, POLL_EVERY)
  return {
    async changed() {
      if (!pending)
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      pending = false
    },
    close() {
      clearInterval(timer)
      for (const watcher of watchers) watcher.close()
    },
  }
}
