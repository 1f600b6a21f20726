import { closeSync, constants, openSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errorCode } from '../fault.ts'
import { mustBeTheirs, ownDescriptor } from './read.ts'
import { nameOf, type Place, walk, withPlace } from './walk.ts'

/**
 * Writes a file that somebody named, or makes it: for root no link that somebody else could have
 * made leads it elsewhere, and in another user's directory only that user's own file is written
 * to. Throws for what is no regular file.
 */
export function writeNamedFile(path: string, text: string): void {
  const own = path === '/dev/stdout' ? 1 : ownDescriptor(path)
  const fd = own ?? openNamed(path)
  try {
    writeFileSync(fd, text)
  } finally {
    if (own === undefined) closeSync(fd)
  }
}

/** Makes an empty file of mode 0644, in a directory that no link of somebody else leads to. Throws EEXIST if anything is there. */
export function makeEmptyFile(path: string): void {
  closeSync(withPlace(dirname(path), (directory) => makeIn(directory, path)))
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

function makeIn(directory: Place, path: string): number {
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const name = `${nameOf(directory)}/${basename(path)}`
  return openSync(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644)
}
