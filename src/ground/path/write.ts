import { closeSync, constants, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errorCode } from '../errors/fault.ts'
import { inheritedDescriptor, mustBeOwn, mustBeSafeToOpen } from './read.ts'
import { runsAsRoot } from './stranger.ts'
import { type PathHandle, procPathOf, walk, withPath } from './walk.ts'

/**
 * Writes a file that a person named, or creates it. For root it follows no link of another user,
 * and in another user's directory it writes only to that user's own file. Throws if the file is not
 * regular.
 */
export function writeNamedFile(path: string, text: string): void {
  const own = inheritedDescriptor(path)
  const fd = own ?? openNamed(path)
  try {
    writeFileSync(fd, text)
  } finally {
    if (own === undefined) closeSync(fd)
  }
}

/**
 * Replaces a file as a whole or not at all; the new file has mode 0600. If the machine crashes, the
 * file may be empty. Throws for root if another user may write to the directory.
 */
export function replaceFile(path: string, text: string): void {
  withPath(dirname(path), (directory) => {
    mustBeOwn(directory, path)
    const name = `${procPathOf(directory)}/${basename(path)}`
    const fresh = `${name}.new`
    rmSync(fresh, { force: true })
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    const fd = openSync(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600)
    try {
      writeFileSync(fd, text)
    } finally {
      closeSync(fd)
    }
    renameSync(fresh, name)
  })
}

/**
 * Creates an empty file of mode 0644. Throws for root if a link of another user leads to its
 * directory, and with the code EEXIST if something has its name already.
 */
export function makeEmptyFile(path: string): void {
  closeSync(withPath(dirname(path), (directory) => makeIn(directory, path)))
}

/**
 * Opens a file for appending, or creates it with mode 0640. Does not wait: a FIFO without a reader
 * is an error. For root the rules of writeNamedFile() apply, except that it also opens a device if
 * nobody but root could have put the device there.
 */
export function openToAppend(path: string): number {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY
  if (!runsAsRoot() || inheritedDescriptor(path) !== undefined) {
    return openSync(path, flags | constants.O_CREAT, 0o640)
  }
  try {
    return withPath(path, (handle) => {
      if (handle.stranger !== undefined || handle.stats.isFile()) mustBeSafeToOpen(handle, path)
      return openSync(procPathOf(handle), flags)
    })
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return withPath(dirname(path), (directory) => makeIn(directory, path, 0o640))
  }
}

function openNamed(path: string): number {
  let handle: PathHandle
  try {
    handle = walk(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return withPath(dirname(path), (directory) => makeIn(directory, path))
  }
  try {
    mustBeSafeToOpen(handle, path)
    return openSync(procPathOf(handle), constants.O_WRONLY | constants.O_TRUNC)
  } finally {
    closeSync(handle.fd)
  }
}

function makeIn(directory: PathHandle, path: string, mode = 0o644): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const name = `${procPathOf(directory)}/${basename(path)}`
  return openSync(name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
}
