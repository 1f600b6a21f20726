import type { Stats } from 'node:fs'
import { chmod, mkdir, rename, rmdir, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import {
  errorCode,
  errorText,
  errorTextAt,
  Fault,
  unlessMissing,
} from '../../../base/errors/fault.ts'
import { PathHandle } from '../../../base/path/path-handle.ts'
import { shellWord } from '../../../base/text/shell-word.ts'
import { formatMode } from '../../../base/text/units.ts'
import { diskFault } from '../../../mail/message/spool.ts'

const OTHERS = 0o077
const PRIVATE = 0o700
/**
 * The sticky bit, set on the folder of a day until the folder and all directories above it are on the disk.
 * Until then the process that created it may have been killed. The bit has no other meaning there.
 */
const UNSYNCED = 0o1000
const MAILDIR_PARTS = ['tmp', 'new', 'cur'] as const
type MaildirPart = (typeof MAILDIR_PARTS)[number]

/** A day of one reason for quarantine. Its messages are in one folder. */
export interface DayOfGrounds {
  readonly grounds: string
  readonly day: string
}

/** The position of a file in a folder. */
export interface MaildirFile {
  readonly part: MaildirPart
  readonly file: string
}

/**
 * Opens the quarantine, which must be a directory of this account, with mode 0700, and not a link. Otherwise
 * rejects with a Fault of kind `config` that names the remedy.
 */
export async function openQuarantine(directory: string): Promise<PathHandle> {
  let handle: PathHandle
  try {
    const parent = await PathHandle.findInThread(dirname(directory))
    handle = await parent.findInThread(basename(directory)).finally(() => parent.close())
  } catch (error) {
    const remedy =
      errorCode(error) === 'ENOENT'
        ? `; create it: install -d -m 700 -o ${process.geteuid!()} ${shellWord(directory)}`
        : ''
    const reason = errorTextAt(directory, error)
    throw new Fault('config', `QUARANTINE ${directory}: ${reason}${remedy}`, error)
  }
  try {
    mustBePrivate(handle.stats, directory)
    return handle
  } catch (error) {
    handle.close()
    throw error
  }
}

function mustBePrivate(stats: Stats, shown: string): void {
  const wrong = (reason: string) => new Fault('config', `QUARANTINE ${shown}: ${reason}`)
  if (!stats.isDirectory()) throw wrong('is not a directory')
  if (stats.uid !== process.geteuid!()) {
    const who = `belongs to uid ${stats.uid}, and this runs as uid ${process.geteuid!()}`
    throw wrong(
      `${who}; change its owner, or run this as its owner (onescand, or a command that root runs)`,
    )
  }
  if ((stats.mode & OTHERS) !== 0) {
    throw wrong(`mode ${formatMode(stats.mode)} lets other users in; run chmod 700 on it`)
  }
}

/**
 * The folder of a day and a reason, `GROUNDS/.YYYY-MM-DD`: a folder of a Maildir++. It holds open descriptors
 * of its parts and of the Maildir that contains it, so renaming a directory above changes nothing.
 */
export class Folder {
  readonly top: PathHandle
  readonly parts: Readonly<Record<MaildirPart, PathHandle>>
  readonly #maildir: PathHandle
  readonly #day: string

  private constructor(
    maildir: PathHandle,
    top: PathHandle,
    parts: Record<MaildirPart, PathHandle>,
    day: string,
  ) {
    this.#maildir = maildir
    this.top = top
    this.parts = parts
    this.#day = day
  }

  static async #open(root: PathHandle, { grounds, day }: DayOfGrounds, step: Step) {
    const opened: PathHandle[] = []
    const enter = async (directory: PathHandle, name: string, mode?: number) => {
      const handle = await step(directory, name, mode)
      opened.push(handle)
      return handle
    }
    try {
      const maildir = await enter(root, grounds)
      const top = await enter(maildir, `.${day}`, PRIVATE | UNSYNCED)
      const part = (name: MaildirPart) => enter(top, name)
      const parts = { tmp: await part('tmp'), new: await part('new'), cur: await part('cur') }
      return new Folder(maildir, top, parts, day)
    } catch (error) {
      for (const handle of opened) handle.close()
      throw error
    }
  }

  /**
   * Opens the folder, and creates it if it is missing. When this resolves, the folder is on the disk,
   * whichever process has created it. No link is followed. Rejects with a Fault of kind `config`, or `write`
   * if the disk is full.
   */
  static async make(root: PathHandle, at: DayOfGrounds): Promise<Folder> {
    const folder = await Folder.#open(root, at, openOrMakeFolder)
    try {
      for (const part of MAILDIR_PARTS) (await openOrMakeFolder(folder.#maildir, part)).close()
      if ((folder.top.stats.mode & UNSYNCED) !== 0) {
        for (const directory of [root, folder.#maildir, folder.top]) await directory.sync()
        await chmod(folder.top.at(), PRIVATE)
      }
      return folder
    } catch (error) {
      folder.close()
      throw error
    }
  }

  /**
   * Opens the folder if it is there with all its parts: another process may be making it. Rejects with a
   * Fault if the folder or a part of it is a link, or belongs to another account.
   */
  static async find(root: PathHandle, at: DayOfGrounds): Promise<Folder | undefined> {
    return Folder.#open(root, at, openFolder).catch(unlessMissing)
  }

  /**
   * Resolves to the result of `use` for the folder, or undefined if the folder does not exist. Closes the
   * folder.
   */
  static async within<Result>(
    root: PathHandle,
    at: DayOfGrounds,
    use: (folder: Folder) => Promise<Result>,
  ): Promise<Result | undefined> {
    const folder = await Folder.find(root, at)
    if (folder === undefined) return undefined
    try {
      return await use(folder)
    } finally {
      folder.close()
    }
  }

  /**
   * Moves a file. What may be done with a message depends on where it is: when this resolves, a power
   * failure does not undo the move.
   */
  async move(from: MaildirFile, to: MaildirFile): Promise<void> {
    await rename(this.parts[from.part].at(from.file), this.parts[to.part].at(to.file))
    await this.parts[to.part].sync() // the new name first: one of them is there
    await this.parts[from.part].sync()
  }

  /** Removes a file. After this resolves, a power failure does not restore it. */
  async remove({ part, file }: MaildirFile): Promise<void> {
    await unlink(this.parts[part].at(file))
    await this.parts[part].sync()
  }

  /**
   * Removes the folder, if none of its parts contains a file. All parts are
   * removed together: without one of them the folder would not be a Maildir. Rejects if another process adds
   * a file meanwhile.
   */
  async removeIfEmpty(): Promise<void> {
    for (const part of Object.values(this.parts)) {
      for await (const _ of part.namesInSlices(0)) return
    }
    for (const part of MAILDIR_PARTS) await rmdir(this.top.at(part))
    await rmdir(this.#maildir.at(`.${this.#day}`))
  }

  close(): void {
    for (const handle of [this.#maildir, this.top, ...Object.values(this.parts)]) handle.close()
  }
}

/** Opens a directory in another one of the quarantine. `mode` is for one that has to be made. */
type Step = (directory: PathHandle, name: string, mode?: number) => Promise<PathHandle>

/**
 * Opens a directory in another one of the quarantine, as openFolder() does, and creates it if it is missing.
 */
export async function openOrMakeFolder(
  directory: PathHandle,
  name: string,
  mode = PRIVATE,
): Promise<PathHandle> {
  try {
    await mkdir(directory.at(name), mode)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw quarantineFault(join(directory.path, name), error)
  }
  return openFolder(directory, name)
}

/**
 * Opens a directory in the quarantine. Rejects with ENOENT if it is not there, and with a Fault if it is
 * a link, or not a directory of this account.
 */
export async function openFolder(directory: PathHandle, name: string): Promise<PathHandle> {
  let handle: PathHandle
  try {
    handle = await directory.findInThread(name)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw error
    throw new Fault('config', `QUARANTINE: ${errorText(error)}`, error)
  }
  if (handle.stats.isDirectory() && handle.stats.uid === process.geteuid!()) return handle
  handle.close()
  const shown = join(directory.path, name)
  throw new Fault('config', `QUARANTINE: ${shown} is not a directory of uid ${process.geteuid!()}`)
}

/**
 * Returns the fault for an error that prevents keeping a message: `write` if the disk is full, otherwise
 * `config`. The sender must retry.
 */
export function quarantineFault(place: string, error: unknown): Fault {
  return diskFault(`QUARANTINE ${place}`, error, 'config')
}
