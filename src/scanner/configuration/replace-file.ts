import {
  closeSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsyncSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { errorCode, errorTextAt, Fault, ifThere } from '../../base/errors/fault.ts'
import { PathHandle } from '../../base/path/path-handle.ts'
import { writeWhole } from '../../base/process/descriptors.ts'

/** A file whose lines a command changes. */
interface FileToReplace {
  readonly path: string
  /** Upper limit for the bytes of the file. */
  readonly max: number
  /** The mode of a new one. */
  readonly mode: number
  readonly encoding: 'latin1' | 'utf8'
  /** Throws if a file with these facts must not be changed. */
  readonly check?: (stats: Stats) => void
  /**
   * Returns the new text for the old one, whose last line has an end, or '' if there is no file. May throw.
   */
  readonly change: (old: string) => string
}

/** The result of replacing the file. */
interface Replaced {
  /** Whether it did not exist before. */
  readonly isNew: boolean
  readonly group: number
}

/**
 * Changes the text of a file. A new file replaces the old one in one step, with its owner, group and mode, so
 * that no process ever reads half of it. Rejects with a Fault of kind `config`, and changes nothing, if
 * others can write to the directory, or with the errors of `check` and `change`. The path is resolved to a
 * directory once: all further work uses the handle of that directory.
 */
export async function replaceFile(file: FileToReplace): Promise<Replaced> {
  const { path } = file
  const target = linkTarget(path)
  const directory = directoryOf(path, dirname(target))
  try {
    directory.mustBeOwn()
    const replaced = replaceBelow(directory, basename(target), file)
    await directory.sync()
    return replaced
  } finally {
    directory.close()
  }
}

function directoryOf(path: string, place: string): PathHandle {
  const found = ifThere(() => PathHandle.find(place))
  if (found !== undefined) return found
  const remedy = 'create it, or specify another'
  throw new Fault('config', `${path}: directory ${place} does not exist; ${remedy}`)
}

/** Returns the path of the file itself, after all links; that of the link or the name if there is no file. */
function linkTarget(path: string): string {
  return (
    ifThere(() => PathHandle.with(path, (handle) => readlinkSync(handle.at()))) ?? resolve(path)
  )
}

function replaceBelow(directory: PathHandle, name: string, file: FileToReplace): Replaced {
  const fresh = `${name}.new`
  const fd = takeFresh(directory.at(fresh), `${dirname(file.path)}/${fresh}`)
  try {
    const old = readOld(directory, name, file)
    const text = old?.text ?? ''
    const next = file.change(text === '' || text.endsWith('\n') ? text : `${text}\n`)
    writeWhole(fd, Buffer.from(next, file.encoding))
    const { uid, gid } = fstatSync(fd)
    // The unit of onescand permits no fchown(2), which its account does not need for its own files.
    if (old && (old.status.uid !== uid || old.status.gid !== gid))
      fchownSync(fd, old.status.uid, old.status.gid)
    fchmodSync(fd, old ? old.status.mode & 0o777 : file.mode)
    fsyncSync(fd)
    renameSync(directory.at(fresh), directory.at(name))
    return { isNew: old === undefined, group: fstatSync(fd).gid }
  } catch (error) {
    rmSync(directory.at(fresh), { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

/**
 * Creates the file that will replace the old one. Its name is always the same, so it is also a lock: it is
 * created before the old file is read, and of two simultaneous changes one fails.
 */
function takeFresh(fresh: string, shown: string): number {
  try {
    return openSync(fresh, 'wx', 0o600)
  } catch (error) {
    const reason =
      errorCode(error) === 'EEXIST'
        ? 'exists: another command is changing this file; if none is, remove it'
        : `${errorTextAt(fresh, error)}; specify a file in a directory that you may write to`
    throw new Fault('config', `${shown}: ${reason}`)
  }
}

function readOld(
  directory: PathHandle,
  name: string,
  { max, check, encoding }: FileToReplace,
): { text: string; status: Stats } | undefined {
  return ifThere(() =>
    directory.with(name, (old) => {
      return { text: old.read(max, check).toString(encoding), status: old.stats }
    }),
  )
}
