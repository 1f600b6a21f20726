import { mkdirSync, type Stats } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import { shellWord } from '../../ground/errors/shell-word.ts'
import { PathHandle } from '../../ground/path/path-handle.ts'

const OTHERS = 0o077
const PRIVATE = 0o700
/**
 * The sticky bit, which a folder of a day has until it is on the disk with all that it stands in: its
 * maker may not have come so far, and may have been killed. It means nothing else there.
 */
const UNSYNCED = 0o1000
export const MAILDIR_PARTS = ['tmp', 'new', 'cur'] as const
export type MaildirPart = (typeof MAILDIR_PARTS)[number]

/** The folder of a day and of grounds, `GROUNDS/.YYYY-MM-DD`: a folder of a Maildir++. */
export interface Folder {
  readonly top: PathHandle
  /** The three directories of a Maildir. All are open: they stay the same if somebody renames what is above. */
  readonly parts: Readonly<Record<MaildirPart, PathHandle>>
  close(): void
}

/**
 * Opens the quarantine, which must be a directory of this account, mode 0700, and no link. Throws a
 * Fault of kind `config` that tells the remedy if it is not.
 */
export function openQuarantine(directory: string): PathHandle {
  let handle: PathHandle
  try {
    const name = directory.split('/').filter(Boolean).at(-1) ?? '.'
    handle = PathHandle.with(join(directory, '..'), (parent) => parent.find(name))
  } catch (error) {
    const remedy =
      errorCode(error) === 'ENOENT'
        ? `; make it: install -d -m 700 -o ${process.geteuid!()} ${shellWord(directory)}`
        : ''
    throw new Fault('config', `QUARANTINE ${directory}: ${errorText(error)}${remedy}`, error)
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
  const wrong = (why: string) => new Fault('config', `QUARANTINE ${shown}: ${why}`)
  if (!stats.isDirectory()) throw wrong('is not a directory')
  if (stats.uid !== process.geteuid!()) {
    const who = `belongs to uid ${stats.uid}, and this runs as uid ${process.geteuid!()}`
    throw wrong(`${who}; chown it, or let onescand keep mail in it`)
  }
  if ((stats.mode & OTHERS) !== 0) {
    const octal = `0${(stats.mode & 0o777).toString(8)}`
    throw wrong(`mode ${octal} lets others in; chmod 700 it`)
  }
}

/**
 * Opens the folder of a day, and makes it if it is not there; it is on the disk when this resolves,
 * whoever has made it. No link is followed. Rejects with a Fault of kind `config`, or `write` if the
 * disk is full.
 */
export async function makeFolder(root: PathHandle, grounds: string, day: string): Promise<Folder> {
  const maildir = stepOrMake(root, grounds)
  try {
    for (const part of MAILDIR_PARTS) stepOrMake(maildir, part).close()
    const top = stepOrMake(maildir, `.${day}`, PRIVATE | UNSYNCED)
    const folder = folderOf(top, (part) => stepOrMake(top, part))!
    try {
      if ((top.stats.mode & UNSYNCED) !== 0) await syncFolder([root, maildir, top])
      return folder
    } catch (error) {
      folder.close()
      throw error
    }
  } finally {
    maildir.close()
  }
}

/** Brings a folder of a day to the disk: the last of these directories, each of which is in the one before. */
async function syncFolder(directories: readonly PathHandle[]): Promise<void> {
  for (const directory of directories) await directory.sync()
  await chmod(directories.at(-1)!.at(), PRIVATE)
}

/**
 * Opens the folder if it is there with all its parts: another process may be making it. Throws a Fault if
 * the folder or a part of it is a link, or belongs to another account.
 */
export function findFolder(root: PathHandle, grounds: string, day: string): Folder | undefined {
  const maildir = stepIfThere(root, grounds)
  try {
    const top = maildir && stepIfThere(maildir, `.${day}`)
    return top && folderOf(top, (part) => stepIfThere(top, part))
  } finally {
    maildir?.close()
  }
}

/** Resolves with what `use` makes of the folder of a day; undefined if it is not there. Closes the folder. */
export async function withFolder<Result>(
  root: PathHandle,
  grounds: string,
  day: string,
  use: (folder: Folder) => Promise<Result>,
): Promise<Result | undefined> {
  const folder = findFolder(root, grounds, day)
  if (folder === undefined) return undefined
  try {
    return await use(folder)
  } finally {
    folder.close()
  }
}

/** The folder with its parts; undefined if one is not there. Closes the directory itself without a folder. */
function folderOf(
  top: PathHandle,
  open: (part: MaildirPart) => PathHandle | undefined,
): Folder | undefined {
  const opened = [top]
  const close = () => {
    for (const handle of opened) handle.close()
  }
  try {
    const parts = MAILDIR_PARTS.flatMap((part) => {
      const handle = open(part)
      if (handle === undefined) return []
      opened.push(handle)
      return [[part, handle] as const]
    })
    const { tmp, new: fresh, cur } = Object.fromEntries(parts)
    if (tmp && fresh && cur) return { top, parts: { tmp, new: fresh, cur }, close }
    close()
    return undefined
  } catch (error) {
    close()
    throw error
  }
}

function stepOrMake(directory: PathHandle, name: string, mode = PRIVATE): PathHandle {
  const there = stepIfThere(directory, name)
  if (there !== undefined) return there
  try {
    mkdirSync(directory.at(name), mode)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw quarantineFault(join(directory.path, name), error)
  }
  return stepIfThere(directory, name) ?? stepOrMake(directory, name, mode)
}

/** Opens a directory in the quarantine, or returns undefined. Throws as findFolder() does. */
export function stepIfThere(directory: PathHandle, name: string): PathHandle | undefined {
  let handle: PathHandle
  try {
    handle = directory.find(name)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw new Fault('config', `QUARANTINE: ${errorText(error)}`, error)
  }
  if (handle.stats.isDirectory() && handle.stats.uid === process.geteuid!()) return handle
  handle.close()
  const shown = join(directory.path, name)
  throw new Fault('config', `QUARANTINE: ${shown} is not a directory of uid ${process.geteuid!()}`)
}

/**
 * Makes the fault for an error by which a message cannot be kept: `write` if the disk is full, else
 * `config`. The sender has to try again.
 */
export function quarantineFault(what: string, error: unknown): Fault {
  const full = ['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO'].includes(errorCode(error))
  return new Fault(full ? 'write' : 'config', `QUARANTINE ${what}: ${errorText(error)}`, error)
}
