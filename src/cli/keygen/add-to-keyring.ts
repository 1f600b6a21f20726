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
import { errorCode, Fault } from '../../ground/errors/fault.ts'
import { syncDirectory } from '../../ground/path/directories.ts'
import { mustBeOwn, openForeignFileAt, readWhole } from '../../ground/path/open.ts'
import { type PathHandle, procPathOf, walk, walkIn, withPath } from '../../ground/path/walk.ts'
import { writeWhole } from '../../ground/process/descriptors.ts'
import { FILE_MAX, type Key, objectionToMode, parseKeyring } from '../../scan/cluster/keyring.ts'

export type Position = 'top' | 'end'

/** What became of a ring. */
export interface AddedKey {
  /** The ring as it is now. */
  readonly keys: readonly Key[]
  /** Whether the file was made, and its group. */
  readonly made: boolean
  readonly group: number
}

/** The mode of a new keyring: its owner and the slot's group may read it. */
const FRESH_MODE = 0o640

/**
 * Adds a line to a keyring. A new file replaces the old one in one step, with its owner, group and mode, so
 * that no message ever meets half a ring. Throws a Fault of kind `config`, and changes nothing, if others can
 * write to the ring or its directory, or read the ring; if it is malformed; or if this line would make it
 * so. The path leads to a directory once: all else is done below the handle of that.
 */
export function addToKeyring(path: string, line: string, position: Position): AddedKey {
  const target = whereItLeads(path)
  const directory = walk(dirname(target))
  try {
    mustBeOwn(directory, dirname(target))
    const added = replaceRing(directory, basename(target), path, line, position)
    syncDirectory(procPathOf(directory))
    return added
  } finally {
    closeSync(directory.fd)
  }
}

/** The path of the ring itself, behind all links; that of the link or the name if there is none. */
function whereItLeads(path: string): string {
  try {
    return withPath(path, (handle) => readlinkSync(procPathOf(handle)))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return resolve(path)
    throw error
  }
}

function replaceRing(
  directory: PathHandle,
  name: string,
  shown: string,
  line: string,
  position: Position,
): AddedKey {
  const at = (file: string) => `${procPathOf(directory)}/${file}`
  const fresh = `${name}.new`
  const fd = takeFresh(at(fresh), `${dirname(shown)}/${fresh}`)
  try {
    const old = readOld(directory, name, shown)
    const text = old?.text ?? ''
    const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`
    const next = position === 'top' ? `${line}\n${whole}` : `${whole}${line}\n`
    const keys = parseKeyring(next, shown)
    writeWhole(fd, Buffer.from(next, 'latin1'))
    if (old) fchownSync(fd, old.status.uid, old.status.gid)
    fchmodSync(fd, old ? old.status.mode & 0o777 : FRESH_MODE)
    fsyncSync(fd)
    renameSync(at(fresh), at(name))
    return { keys, made: old === undefined, group: fstatSync(fd).gid }
  } catch (error) {
    rmSync(at(fresh), { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
}

/**
 * Makes the file that will replace the ring. It always has the same name, so it is a lock, too: it
 * is made before the ring is read, and of two that add a key at once, one fails.
 */
function takeFresh(fresh: string, shown: string): number {
  try {
    return openSync(fresh, 'wx', 0o600)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    throw new Fault('config', `${shown}: exists: another keygen is at work; if not, remove it`)
  }
}

function readOld(
  directory: PathHandle,
  name: string,
  shown: string,
): { text: string; status: Stats } | undefined {
  let handle: PathHandle
  try {
    handle = walkIn(directory, name)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const { fd, stats: status } = openForeignFileAt(handle, shown)
    try {
      const objection = objectionToMode(status.mode)
      if (objection !== undefined) throw new Fault('config', `${shown}: ${objection}`)
      return { text: readWhole(fd, shown, FILE_MAX).toString('latin1'), status }
    } finally {
      closeSync(fd)
    }
  } finally {
    closeSync(handle.fd)
  }
}
