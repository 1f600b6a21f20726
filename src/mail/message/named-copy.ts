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
import { type SpoolPolicy, spoolFault, unguessable, writeInTurns } from './spool.ts'

/**
 * A copy of a message in a file that scanners open by its name. They see it whole or not at all: half a
 * message must never be scanned.
 */
export class NamedCopy {
  readonly #policy: SpoolPolicy
  #file: NamedFile | undefined // the file, whole or not
  #making: Promise<NamedFile> | undefined

  constructor(policy: SpoolPolicy) {
    this.#policy = policy
  }

  /**
   * Returns the absolute path of a file that holds the bytes. The first call makes the file, in turns of
   * the event loop; later calls must have the same bytes, and get the same file. Rejects with a Fault of
   * kind `temp-file` or `write`, or with an Error if the file was removed; later calls reject in the
   * same way.
   */
  async path(bytes: Bytes): Promise<string> {
    this.#making ??= this.#make(bytes)
    const file = await this.#making
    if (file !== this.#file) throw new Error('the message is over')
    return file.path
  }

  /**
   * Makes sure that scanners have opened this file. Must be called before the result of a scan by
   * `path()` counts. Throws a Fault of kind `read` if they may have opened another one.
   */
  confirmFile(): void {
    this.#file?.confirm()
  }

  /** Removes the file if there is one. If it is being made, no more of the bytes is read. */
  removeNamedFile(): void {
    this.#file?.remove()
    this.#file = undefined
  }

  async #make(bytes: Bytes): Promise<NamedFile> {
    const file = new NamedFile(this.#policy)
    this.#file = file
    try {
      await writeInTurns(file.fd, bytes.chunks(), file.path, () => file !== this.#file)
      if (file === this.#file) file.noteWhole()
      return file
    } catch (error) {
      if (file === this.#file) this.removeNamedFile()
      throw error
    }
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
  const file = new NamedCopy(policy)
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
class NamedFile {
  readonly path: string
  readonly fd: number
  /** Whether it lies in SPOOLDIR, which others can enter. */
  readonly #isShared: boolean
  /** What it was once it was whole. */
  #whole: BigIntStats | undefined

  /**
   * Makes an empty file in SPOOLDIR, with mode 0640 (the setgid bit of the directory gives it the group
   * of the scanner), or in a fresh directory of mode 0700. onescand sweeps what `kill -9` leaves there
   * (sweep.ts). Throws a Fault of kind `temp-file`.
   */
  constructor({ directory: parent, sharedDirectory }: SpoolPolicy) {
    this.#isShared = sharedDirectory !== undefined
    const directory = sharedDirectory ?? makePrivateDirectory(parent)
    this.path = join(directory, `onescan-${process.pid}-${unguessable()}.msg`)
    const { O_CREAT, O_EXCL, O_RDWR, O_NOFOLLOW } = constants
    try {
      this.fd = openSync(this.path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600)
      if (this.#isShared) fchmodSync(this.fd, 0o640) // whatever the umask is
    } catch (error) {
      if (!this.#isShared) removeQuietly(directory)
      throw spoolFault(`cannot make a file for scanners in ${directory} (SPOOLDIR)`, error)
    }
  }

  /** Notes that the file is filled. */
  noteWhole(): void {
    this.#whole = fstatSync(this.fd, { bigint: true })
  }

  /**
   * Throws a Fault of kind `read` if somebody may have put another file in its place since it was
   * filled, which scanners would have opened. Nobody else can enter a private directory.
   */
  confirm(): void {
    if (!this.#isShared || this.#whole === undefined) return
    if (isAsItWas(this.fd, this.path, this.#whole)) return
    throw new Fault('read', `${this.path}: was changed while it was scanned`)
  }

  /** Closes and removes the file, and its private directory. Never throws. */
  remove(): void {
    try {
      unlinkSync(this.path)
    } catch {
      // The file is not there any more: a scanner may have moved it to its quarantine.
    }
    closeSync(this.fd)
    if (!this.#isShared) removeQuietly(dirname(this.path))
  }
}

/**
 * Whether the path leads to the open file, and nobody has changed, renamed or linked it since, all of
 * which change ctime (inode(7)).
 */
function isAsItWas(fd: number, path: string, before: BigIntStats): boolean {
  const now = fstatSync(fd, { bigint: true })
  if (now.ctimeNs !== before.ctimeNs || now.nlink !== before.nlink) return false
  try {
    const named = lstatSync(path, { bigint: true })
    return named.dev === now.dev && named.ino === now.ino
  } catch {
    return false
  }
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
    rmSync(path, { recursive: true })
  } catch {
    // The sweep removes it later (sweep.ts).
  }
}
