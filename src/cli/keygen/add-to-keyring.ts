import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
} from 'node:fs'
import { dirname } from 'node:path'
import { FILE_MAX, type Key, objectionToMode, parseKeyring } from '../../cluster/keyring.ts'
import { errorCode, Fault } from '../../ground/errors/fault.ts'
import { mustBeOwnAt, openForeignFile, readWhole } from '../../ground/path/read.ts'
import { syncDirectory } from '../../ground/path/sync-directory.ts'
import { withPath } from '../../ground/path/walk.ts'
import { writeWhole } from '../../ground/process/write-whole.ts'

export type Position = 'top' | 'end'

/** The mode of a new keyring: its owner and the slot's group may read it. */
const FRESH_MODE = 0o640

/**
 * Adds a line to a keyring. Returns the ring as it is now, and whether the file was made. A new
 * file replaces the old one in one step, with its owner, group and mode, so that no message ever
 * meets half a ring. Throws a Fault of kind `config`, and changes nothing, if others can write to
 * the ring or its directory, or read the ring; if it is malformed; or if this line would make it
 * so.
 */
export function addToKeyring(
  path: string,
  line: string,
  position: Position,
): { readonly keys: readonly Key[]; readonly made: boolean } {
  const target = followLinks(path)
  mustBeOwnAt(dirname(target))
  const fresh = `${target}.new`
  const fd = takeFresh(fresh)
  let added: { readonly keys: readonly Key[]; readonly made: boolean }
  try {
    const old = readOld(target)
    const text = old?.text ?? ''
    const whole = text === '' || text.endsWith('\n') ? text : `${text}\n`
    const next = position === 'top' ? `${line}\n${whole}` : `${whole}${line}\n`
    const keys = parseKeyring(next, path)
    writeWhole(fd, Buffer.from(next, 'latin1'))
    if (old) fchownSync(fd, old.status.uid, old.status.gid)
    fchmodSync(fd, old ? old.status.mode & 0o777 : FRESH_MODE)
    fsyncSync(fd)
    renameSync(fresh, target)
    added = { keys, made: old === undefined }
  } catch (error) {
    rmSync(fresh, { force: true })
    throw error
  } finally {
    closeSync(fd)
  }
  syncDirectory(dirname(target))
  return added
}

/**
 * Makes the file that will replace the ring. It always has the same name, so it is a lock, too: it
 * is made before the ring is read, and of two that add a key at once, one fails.
 */
function takeFresh(fresh: string): number {
  try {
    return openSync(fresh, 'wx', 0o600)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    throw new Fault('config', `${fresh}: exists: another keygen is at work; if not, remove it`)
  }
}

function readOld(path: string): { text: string; status: Stats } | undefined {
  let opened: ReturnType<typeof openForeignFile>
  try {
    opened = openForeignFile(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  const { fd, stats: status } = opened
  try {
    const objection = objectionToMode(status.mode)
    if (objection !== undefined) throw new Fault('config', `${path}: ${objection}`)
    return { text: readWhole(fd, path, FILE_MAX).toString('latin1'), status }
  } finally {
    closeSync(fd)
  }
}

function followLinks(path: string): string {
  try {
    return withPath(path, () => realpathSync(path))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return path
    throw error
  }
}
