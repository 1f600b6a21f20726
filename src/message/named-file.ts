import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { spoolFault } from './anonymous-file.ts'
import type { SpoolPolicy } from './policy.ts'
import { writeAll, writeAllOf } from './write-all.ts'

/** Names of ours, and of nobody else, so that sweeping never touches another's file. */
const FILE_NAME = /^onescan-[0-9]+-[0-9a-z]+\.msg$/
const DIRECTORY_NAME = /^onescan-dir-[0-9A-Za-z]{6}$/

/** Milliseconds after which what a killed process left is swept; far above any SCANTIMEOUT in use. */
export const SWEEP_AGE = 36 * 60 * 60 * 1000

/** A file that scanners of this or another user open by its path. */
export interface NamedFile {
  readonly path: string
  readonly fd: number
  /** Closes and removes it, and its private directory. Never throws. */
  remove(): void
}

/**
 * Makes the file in SPOOLDIR (mode 0640: its group is the scanner's by the
 * directory's setgid bit), else in a fresh directory of mode 0700. Before that,
 * sweeps what `kill -9` may have left there. Throws a Fault of kind `temp-file`.
 */
function makeNamedFile(policy: SpoolPolicy, now: number): NamedFile {
  const shared = policy.sharedDirectory
  sweep(shared ?? policy.directory, shared === undefined ? DIRECTORY_NAME : FILE_NAME, now)
  const directory = shared ?? makePrivateDirectory(policy.directory)
  const name = `onescan-${process.pid}-${Math.random().toString(36).slice(2)}.msg`
  const path = join(directory, name)
  const { O_CREAT, O_EXCL, O_RDWR, O_NOFOLLOW } = constants
  let fd: number
  try {
    fd = openSync(path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600)
    if (shared !== undefined) fchmodSync(fd, 0o640) // whatever the umask is
  } catch (error) {
    if (shared === undefined) removeQuietly(directory)
    throw spoolFault(`cannot make a file for scanners in ${directory} (SPOOLDIR)`, error)
  }
  return {
    path,
    fd,
    remove() {
      try {
        unlinkSync(path)
      } catch {
        // Gone already: a scanner may have moved it to its quarantine.
      }
      closeSync(fd)
      if (shared === undefined) removeQuietly(dirname(path))
    },
  }
}

/** A named file with `top` and `body` in it, or none: half a message must never be scanned. */
export function makeNamedCopy(
  policy: SpoolPolicy,
  now: number,
  top: Buffer,
  body: Iterable<Buffer>,
): NamedFile {
  const file = makeNamedFile(policy, now)
  try {
    writeAll(file.fd, top, 0, file.path)
    writeAllOf(file.fd, body, top.length, file.path)
    return file
  } catch (error) {
    file.remove()
    throw error
  }
}

function makePrivateDirectory(parent: string): string {
  try {
    return mkdtempSync(join(parent, 'onescan-dir-'))
  } catch (error) {
    throw spoolFault(`cannot make a directory for scanners in ${parent} (TMPDIR)`, error)
  }
}

/** Removes what is of our name, our uid and older than SWEEP_AGE. What cannot be listed or removed stays. */
export function sweep(directory: string, name: RegExp, now: number): void {
  let entries: string[]
  try {
    entries = readdirSync(directory)
  } catch {
    return // mode 2730: writable, not listable; the owner's processes sweep
  }
  const uid = process.getuid?.()
  for (const entry of entries) {
    if (!name.test(entry)) continue
    const path = join(directory, entry)
    try {
      const status = lstatSync(path)
      if (status.uid === uid && now - status.mtimeMs > SWEEP_AGE) removeQuietly(path)
    } catch {
      // Another process swept it first.
    }
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // What cannot be removed now is swept later.
  }
}
