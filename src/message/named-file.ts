import {
  type BigIntStats,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  lstatSync,
  mkdtempSync,
  openSync,
  rmSync,
  unlinkSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { Fault } from '../ground/errors/fault.ts'
import { spoolFault } from './anonymous-file.ts'
import type { SpoolPolicy } from './spool-policy.ts'
import { writeAll, writeInTurns } from './write-all.ts'

/**
 * A file that scanners of this or another user open by its path. It has a name of its own, because
 * a memory file that they inherit as /dev/fd/3 is a link to nothing, which clamdscan calls clean.
 */
export interface NamedFile {
  readonly path: string
  readonly fd: number
  /**
   * Throws a Fault of kind `read` if somebody may have put another file in its place since it was
   * filled: scanners opened it by its name.
   */
  confirm(): void
  /** Closes and removes it, and its private directory. Never throws. */
  remove(): void
}

/** What tells a file from every other, and from itself after it was changed, renamed or linked. */
type FileState = Pick<BigIntStats, 'dev' | 'ino' | 'ctimeNs' | 'nlink'>

function stateOf(fd: number): FileState {
  return fstatSync(fd, { bigint: true })
}

/**
 * Whether the path leads to the open file, and nobody has changed, renamed or linked it
 * since: each of them changes ctime (inode(7)).
 */
function isAsItWas(fd: number, path: string, before: FileState): boolean {
  const now = stateOf(fd)
  if (now.ctimeNs !== before.ctimeNs || now.nlink !== before.nlink) return false
  try {
    const named = lstatSync(path, { bigint: true })
    return named.dev === now.dev && named.ino === now.ino
  } catch {
    return false
  }
}

function changedMeanwhile(path: string): Fault {
  return new Fault('read', `${path}: was changed while it was scanned`)
}

/**
 * Makes the file in SPOOLDIR (mode 0640: its group is the scanner's by the
 * directory's setgid bit), else in a fresh directory of mode 0700. What `kill -9` leaves there is
 * swept by onescand, see sweep.ts. Throws a Fault of kind `temp-file`.
 */
export function makeNamedFile(policy: SpoolPolicy): NamedFile {
  const shared = policy.sharedDirectory
  const directory = shared ?? makePrivateDirectory(policy.directory)
  const name = `onescan-${process.pid}-${unguessable()}.msg`
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
    confirm() {}, // of a directory that nobody else can enter
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
export async function makeNamedCopy(
  policy: SpoolPolicy,
  top: Buffer,
  body: Iterable<Buffer>,
): Promise<NamedFile> {
  const file = makeNamedFile(policy)
  try {
    await fillInTurns(file, top, body)
    return isToBeConfirmed(file, policy)
  } catch (error) {
    file.remove()
    throw error
  }
}

/** Fills a file in turns of the event loop; `isOver` as of writeInTurns(). */
export async function fillInTurns(
  { fd, path }: NamedFile,
  top: Buffer,
  body: Iterable<Buffer>,
  isOver?: () => boolean,
): Promise<void> {
  writeAll(fd, top, 0, path)
  await writeInTurns(fd, body, top.length, path, isOver)
}

/** For a file in a directory that others can enter: from now on it can be confirmed. */
export function isToBeConfirmed(file: NamedFile, { sharedDirectory }: SpoolPolicy): NamedFile {
  if (sharedDirectory === undefined) return file
  const before = stateOf(file.fd)
  return {
    ...file,
    confirm() {
      if (!isAsItWas(file.fd, file.path, before)) throw changedMeanwhile(file.path)
    },
  }
}

/** 128 random bits, in hexadecimal: who may write to SPOOLDIR must not know the next name. */
function unguessable(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString('hex')
}

function makePrivateDirectory(parent: string): string {
  try {
    return mkdtempSync(join(parent, 'onescan-dir-'))
  } catch (error) {
    throw spoolFault(`cannot make a directory for scanners in ${parent} (TMPDIR)`, error)
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch {
    // What cannot be removed now is swept later (sweep.ts).
  }
}
