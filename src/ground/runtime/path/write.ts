import { closeSync, constants, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errorCode } from '../fault.ts'
import { mustBeOwn, mustBeTheirs, ownDescriptor } from './read.ts'
import { asksWhose } from './stranger.ts'
import { nameOf, type Place, walk, withPlace } from './walk.ts'

/**
 * Writes a file that somebody named, or makes it: for root no link that somebody else could have
 * made leads it elsewhere, and in another user's directory only that user's own file is written
 * to. Throws for what is no regular file.
 */
export function writeNamedFile(path: string, text: string): void {
  const own = ownDescriptor(path)
  const fd = own ?? openNamed(path)
  try {
    writeFileSync(fd, text)
  } finally {
    if (own === undefined) closeSync(fd)
  }
}

/**
 * Puts a file of mode 0600 in place of what has that name, whole or not at all; a crash of the
 * machine may leave an empty one. For root in no directory that somebody else may write to. Throws.
 */
export function replaceFile(path: string, text: string): void {
  withPlace(dirname(path), (directory) => {
    mustBeOwn(directory, path)
    const name = `${nameOf(directory)}/${basename(path)}`
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

/** Makes an empty file of mode 0644, in a directory that no link of somebody else leads to. Throws EEXIST if anything is there. */
export function makeEmptyFile(path: string): void {
  closeSync(withPlace(dirname(path), (directory) => makeIn(directory, path)))
}

/**
 * Opens a file to write at its end, mode 0640 if it has to be made, and waits for nobody: a FIFO
 * that has no reader is an error. For root as writeNamedFile(), but for devices that root alone
 * could have put there.
 */
export function openToAppend(path: string): number {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY
  if (!asksWhose() || ownDescriptor(path) !== undefined) {
    return openSync(path, flags | constants.O_CREAT, 0o640)
  }
  try {
    return withPlace(path, (place) => {
      if (place.stranger !== undefined || place.stats.isFile()) mustBeTheirs(place, path)
      return openSync(nameOf(place), flags)
    })
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return withPlace(dirname(path), (directory) => makeIn(directory, path, 0o640))
  }
}

function openNamed(path: string): number {
  let place: Place
  try {
    place = walk(path)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return withPlace(dirname(path), (directory) => makeIn(directory, path))
  }
  try {
    mustBeTheirs(place, path)
    return openSync(nameOf(place), constants.O_WRONLY | constants.O_TRUNC)
  } finally {
    closeSync(place.fd)
  }
}

function makeIn(directory: Place, path: string, mode = 0o644): number {
  const { O_WRONLY, O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const name = `${nameOf(directory)}/${basename(path)}`
  return openSync(name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
}
