import { closeSync, type FSWatcher, fstatSync, readSync, statSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import type { Entry } from './entries.ts'
import { createLineCutter, type LineCutter } from './lines.ts'
import { createEntryTaker } from './read-log.ts'
import { openRegularFile } from './regular-file.ts'
import type { Source } from './sources.ts'

/** Milliseconds between looks where the file system tells nothing of changes, as NFS. */
const LOOK_EVERY = 1000
const CHUNK = 1024 * 1024
/** Bytes before the position that must still be there: more than a time and an id. */
const LAST = 256

export interface Follower {
  /** What was written since the last call, of the file that has the name now and of the one before. */
  read(): Entry[]
  close(): void
}

/**
 * Follows the newest file of a log by its name, as `tail -F`: when the file is renamed and
 * another one takes its place, what was still written to the old one comes first; a file
 * that was cut is read from its beginning.
 */
export function followLog({ files, label }: Source, wanted: (entry: Entry) => boolean): Follower {
  const path = files.at(-1)!.path
  const buffer = Buffer.allocUnsafeSlow(CHUNK)
  let found: Entry[] = []
  let file: { readonly fd: number; readonly inode: number } | undefined
  let position = 0
  /** What was read last, before the position. */
  let last = Buffer.alloc(0)
  let cutter = newCutter()

  function newCutter(): LineCutter {
    const take = createEntryTaker(label, Date.now(), (entry) => {
      if (wanted(entry)) found.push(entry)
    })
    return createLineCutter(take)
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

  function readOn(fd: number): void {
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
    }
  }

  /** One that was cut may have grown to its old size before anybody looked. */
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
    read() {
      if (file === undefined) open()
      const inode = statSync(path, { throwIfNoEntry: false })?.ino
      if (file) readOn(file.fd)
      if (file && inode !== undefined && inode !== file.inode) {
        readOn(file.fd) // what came after the look above and before it lost its name
        cutter.end()
        close()
        open()
        if (file) readOn((file as { fd: number }).fd)
      }
      const entries = found
      found = []
      return entries
    },
    close,
  }
}

/** Resolves at the next sign that one of the logs has changed, and at the latest in a second. */
export function watchLogs(sources: readonly Source[]): { changed(): Promise<void>; close(): void } {
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
