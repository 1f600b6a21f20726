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
import { Fault } from '../../ground/errors/fault.ts'
import type { Bytes } from './bytes.ts'
import { type SpoolPolicy, spoolFault, writeInTurns } from './spool.ts'

/** A copy of a message in a file that scanners open by its name. */
export interface NamedCopy {
  /**
   * Returns the absolute path of a file that holds the bytes. The first call makes the file, in turns of
   * the event loop; later calls must have the same bytes, and get the same file. Rejects with a Fault of
   * kind `temp-file` or `write`, or with an Error if the file was removed; later calls reject in the
   * same way.
   */
  path(bytes: Bytes): Promise<string>
  /**
   * Makes sure that scanners have opened this file. Must be called before the result of a scan by
   * `path()` counts. Throws a Fault of kind `read` if they may have opened another one.
   */
  confirmFile(): void
  /** Removes the file if there is one. If it is being made, no more of the bytes is read. */
  removeNamedFile(): void
}

/** Makes a copy that scanners see whole or not at all: half a message must never be scanned. */
export function createNamedCopy(policy: SpoolPolicy): NamedCopy {
  let file: NamedFile | undefined // the file, whole or not
  let whole: NamedFile | undefined // the file once it is whole
  let making: Promise<string> | undefined

  function remove(): void {
    file?.remove()
    file = undefined
    whole = undefined
  }

  async function make(bytes: Bytes): Promise<string> {
    const own = makeNamedFile(policy)
    file = own
    try {
      await writeInTurns(own.fd, bytes.chunks(), 0, own.path, () => file !== own)
      whole = withConfirmation(own, policy)
      return own.path
    } catch (error) {
      if (file === own) remove()
      throw error
    }
  }

  return {
    async path(bytes) {
      making ??= make(bytes)
      const path = await making
      if (whole === undefined) throw new Error('the message is over')
      return path
    },
    confirmFile: () => whole?.confirm(),
    removeNamedFile: remove,
  }
}

/**
 * Calls `use` with what makes a named file of the bytes. When it is done, it is made sure that scanners
 * have opened this file (a Fault of kind `read` otherwise), and the file is removed.
 */
export async function withNamedCopy<T>(
  bytes: Bytes,
  policy: SpoolPolicy,
  use: (path: () => Promise<string>) => Promise<T>,
): Promise<T> {
  const file = createNamedCopy(policy)
  try {
    const result = await use(() => file.path(bytes))
    file.confirmFile()
    return result
  } finally {
    file.removeNamedFile()
  }
}

/**
 * A file that scanners of this user or another one open by its path. It must have a name: a memory file
 * that a scanner inherits as /dev/fd/3 is a link to nothing, which clamdscan calls clean.
 */
interface NamedFile {
  readonly path: string
  readonly fd: number
  /**
   * Throws a Fault of kind `read` if somebody may have put another file in its place since it was
   * filled, which scanners would have opened.
   */
  confirm(): void
  /** Closes and removes the file, and its private directory. Never throws. */
  remove(): void
}

/** The properties that differ for every other file, and once this one is changed, renamed or linked. */
type FileState = Pick<BigIntStats, 'dev' | 'ino' | 'ctimeNs' | 'nlink'>

function stateOf(fd: number): FileState {
  return fstatSync(fd, { bigint: true })
}

/**
 * Whether the path leads to the open file, and nobody has changed, renamed or linked it since, all of
 * which change ctime (inode(7)).
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
 * Makes an empty file in SPOOLDIR, with mode 0640 (the setgid bit of the directory gives it the group
 * of the scanner), or in a fresh directory of mode 0700. onescand sweeps what `kill -9` leaves there
 * (sweep.ts). Throws a Fault of kind `temp-file`.
 */
function makeNamedFile(policy: SpoolPolicy): NamedFile {
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
    confirm() {}, // nobody else can enter the directory
    remove() {
      try {
        unlinkSync(path)
      } catch {
        // The file is not there any more: a scanner may have moved it to its quarantine.
      }
      closeSync(fd)
      if (shared === undefined) removeQuietly(dirname(path))
    },
  }
}

/**
 * Returns the file, which is whole, with a confirm() that compares it with what it is now, if others can
 * enter its directory.
 */
function withConfirmation(file: NamedFile, { sharedDirectory }: SpoolPolicy): NamedFile {
  if (sharedDirectory === undefined) return file
  const before = stateOf(file.fd)
  return {
    ...file,
    confirm() {
      if (!isAsItWas(file.fd, file.path, before)) throw changedMeanwhile(file.path)
    },
  }
}

/** Makes 128 random bits, in hexadecimal: whoever may write to SPOOLDIR must not know the next name. */
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
    // The sweep removes it later (sweep.ts).
  }
}
