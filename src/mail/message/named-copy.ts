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
import { Fault } from '../../base/errors/fault.ts'
import { respondsInside } from '../../base/path/responds.ts'
import type { Bytes } from './bytes.ts'
import { diskFault, randomName, type SpoolSettings, writeInTurns } from './spool.ts'

/**
 * A copy of bytes in a file that scanners open by its name. They see it whole or not at all: half a message
 * must never be scanned.
 */
export class NamedCopy {
  readonly #bytes: Bytes
  readonly #settings: SpoolSettings
  #file: NamedFile | undefined // whole or not
  #making: Promise<NamedFile> | undefined
  #isRemoved = false

  constructor(bytes: Bytes, settings: SpoolSettings) {
    this.#bytes = bytes
    this.#settings = settings
  }

  /**
   * Resolves to the file. The first call creates it, in turns of the event loop. Later calls get the same
   * one. Rejects with a Fault of kind `temp-file` or `write`, or with an Error if the file was removed. Later
   * calls reject in the same way.
   */
  async file(): Promise<NamedFile> {
    this.#making ??= this.#make()
    const file = await this.#making
    if (file !== this.#file) throw new Error('the message has ended')
    return file
  }

  /** Removes the file if there is one. If it is being made, no more of the bytes is read. */
  remove(): void {
    this.#isRemoved = true
    this.#file?.remove()
    this.#file = undefined
  }

  async #make(): Promise<NamedFile> {
    const { directory, sharedDirectory } = this.#settings
    if (!(await respondsInside(sharedDirectory ?? directory))) {
      const place = sharedDirectory ? `SPOOLDIR ${sharedDirectory}` : `TMPDIR ${directory}`
      throw new Fault('temp-file', `${place}: does not respond; check its file system`)
    }
    if (this.#isRemoved) throw new Error('the message has ended')
    const file = new NamedFile(this.#settings)
    this.#file = file
    try {
      await writeInTurns(file.fd, this.#bytes.chunks(), file.path, () => file !== this.#file)
      if (file === this.#file) file.noteWhole()
      return file
    } catch (error) {
      if (file === this.#file) this.remove()
      throw error
    }
  }
}

/** Calls `use` with a function that creates a named file of the bytes, and removes that file afterwards. */
export async function withNamedCopy<T>(
  bytes: Bytes,
  settings: SpoolSettings,
  use: (file: () => Promise<NamedFile>) => Promise<T>,
): Promise<T> {
  const copy = new NamedCopy(bytes, settings)
  try {
    return await use(() => copy.file())
  } finally {
    copy.remove()
  }
}

/** Removes the files of all copies: this process ends in the middle of its work. */
export function removeNamedFiles(): void {
  for (const file of present) file.remove()
}

const present = new Set<NamedFile>()

/**
 * A file that scanners of this user or another one open by its path. It must have a name: a memory file
 * that a scanner inherits as /dev/fd/3 is a link to nothing, which clamdscan calls clean.
 */
class NamedFile {
  readonly path: string
  readonly fd: number
  /** Whether it is in SPOOLDIR, which other users can enter. */
  readonly #isShared: boolean
  /** Its status once it was complete. */
  #whole: BigIntStats | undefined

  /**
   * Creates an empty file in SPOOLDIR with mode 0640, or in a new directory of mode 0700. The setgid bit of
   * SPOOLDIR gives the file the group of the scanner. onescand sweeps the files that `kill -9` leaves there
   * (daemon/sweeps.ts). Throws a Fault of kind `temp-file`.
   */
  constructor({ directory: parent, sharedDirectory }: SpoolSettings) {
    this.#isShared = sharedDirectory !== undefined
    const directory = sharedDirectory ?? makePrivateDirectory(parent)
    this.path = join(directory, `onescan-${process.pid}-${randomName()}.msg`)
    const { O_CREAT, O_EXCL, O_RDWR, O_NOFOLLOW } = constants
    try {
      this.fd = openSync(this.path, O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, 0o600)
      present.add(this)
      if (this.#isShared) fchmodSync(this.fd, 0o640) // independent of the umask
    } catch (error) {
      if (present.has(this)) this.remove()
      else if (!this.#isShared) removeQuietly(directory)
      throw diskFault(`cannot create a file for scanners in ${directory} (SPOOLDIR)`, error)
    }
  }

  /** Notes that the file is filled. */
  noteWhole(): void {
    this.#whole = fstatSync(this.fd, { bigint: true })
  }

  /**
   * Throws a Fault of kind `read` if another user may have replaced the file since it was filled, so that
   * scanners would have opened another one. Other users cannot enter a private directory.
   */
  confirm(): void {
    if (!this.#isShared || this.#whole === undefined) return
    if (isAsItWas(this.fd, this.path, this.#whole)) return
    throw new Fault('read', `${this.path}: was changed while it was scanned`)
  }

  /** Closes and removes the file, and its private directory, once. Never throws. */
  remove(): void {
    if (!present.delete(this)) return // its descriptor may be another file's
    try {
      unlinkSync(this.path)
    } catch {
      // The file no longer exists: a scanner may have moved it to its quarantine.
    }
    closeSync(this.fd)
    if (!this.#isShared) removeQuietly(dirname(this.path))
  }
}

/**
 * Returns whether the path still refers to the open file, and it was not changed, renamed or linked, all of
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
    throw diskFault(`cannot create a directory for scanners in ${parent} (TMPDIR)`, error)
  }
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { recursive: true })
  } catch {
    // The sweep removes it later (daemon/sweeps.ts).
  }
}
