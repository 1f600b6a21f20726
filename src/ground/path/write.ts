import { closeSync, constants, openSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errorCode } from '../errors/fault.ts'
import { inheritedDescriptor, mustBeSafeToOpen } from './read.ts'
import { runsAsRoot } from './stranger.ts'
import { type PathHandle, procPathOf, withPath } from './walk.ts'

/**
 * Creates an empty file of mode 0644. Throws for root if a link of another user leads to its
 * directory, and with the code EEXIST if something has its name already.
 */
export function makeEmptyFile(path: string): void {
  closeSync(withPath(dirname(path), (directory) => makeIn(directory, path)))
}

/**
 * Opens a file for appending, or creates it with mode 0640. Does not wait: a FIFO without a reader
 * is an error. For root it follows no link of another user, and in another user's directory it writes
 * only to that user's own regular file; it opens a device if nobody but root could have put that there.
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

function makeIn(directory: PathHandle, path: string, mode = 0o644): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const name = `${procPathOf(directory)}/${basename(path)}`
  return openSync(name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
}
