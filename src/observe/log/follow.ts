import { closeSync, type FSWatcher, fstatSync, readSync, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { createLineCutter, type LineCutter, type TakeLines } from './lines.ts'
import type { LogRecord } from './log-record.ts'
import { readLast } from './read-last.ts'
import { type LogQuery, takeMatching } from './read-log.ts'
import { openRegularFile } from './regular-file.ts'
import type { LogSource } from './sources.ts'

/** Milliseconds between looks if the file system does not report changes, as NFS. */
const LOOK_EVERY = 1000
/** Bytes that are read at once: few, since what is found in them is held until it is printed. */
const CHUNK = 128 * 1024
/** Bytes before the position that must still be there: more than a time and an id. */
const LAST = 256

export interface Follower {
  /** The last entries of what is there, at most so many; `read` goes on behind them. */
  last(most: number): LogRecord[]
  /**
   * What was written since the last call, of the file that has the name now and of the one
   * before: as many entries at a time as a chunk holds. To be read to its end.
   */
  read(): Generator<LogRecord[]>
  close(): void
}

/**
 * Follows the newest file of a log by its name, as `tail -F`: when the file is renamed and
 * another one takes its place, what was still written to the old one comes first; a file
 * that was cut is read from its beginning.
 */
export function followLog({ files, label }: LogSource, asked: LogQuery): Follower {
  const path = files.at(-1)!.path
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  let found: LogRecord[] = []
  let file: { readonly fd: number; readonly inode: number } | undefined
  let position = 0
  /** What was read last, before the position. */
  let last = Buffer.alloc(0)
  let cutter = newCutter()

  function taker(found: (entry: LogRecord) => void): TakeLines {
    return takeMatching(label, Date.now(), asked, found)
  }

  function newCutter(): LineCutter {
    return createLineCutter(taker((entry) => found.push(entry)))
  }

  function open(): void {
    try {
      const fd = openRegularFile(path)
      file = { fd, inode: fstatSync(fd).ino }
    } catch {
      file = undefined // between one and the next; it is looked for again
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
    const entries = found
    found = []
    if (entries.length > 0) yield entries
  }

  /** A file that was cut may have grown to its old size before anybody looked. */
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
      return read.entries
    },
    *read() {
      if (file === undefined) open()
      const inode = statSync(path, { throwIfNoEntry: false })?.ino
      if (file) yield* readOn(file.fd)
      if (file && inode !== undefined && inode !== file.inode) {
        yield* readOn(file.fd) // what came after the look above and before it lost its name
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

/** Resolves at the next sign that one of the logs has changed, and at the latest in a second. */
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
      return [] // no inotify left: looks alone must do
    }
  })
  const timer = setInterval(tell, LOOK_EVERY)
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
