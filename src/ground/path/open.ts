import { closeSync, constants, openSync, readSync, type Stats } from 'node:fs'
import { basename, dirname } from 'node:path'
import { errorCode } from '../errors/fault.ts'
import { shellWord } from '../errors/shell-word.ts'
import { inheritedDescriptor } from '../process/descriptors.ts'
import { runsAsRoot, Stranger } from './stranger.ts'
import { errorAbout, type PathHandle, procPathOf, withPath } from './walk.ts'

/** An open file, and its state when it was found. */
interface OpenFile {
  readonly fd: number
  readonly stats: Stats
}

/** The most bytes of a file of settings. */
const SETTINGS_MAX = 1024 * 1024
/** The most bytes of a file with a secret. */
const SECRET_MAX = 4096
const CHUNK = 64 * 1024

/**
 * Reads a file that this process obeys, such as its settings. For root, nobody but root may be able
 * to write to the file or to a directory on the way to it; otherwise this throws an Error that
 * names the other writer and the remedy. Throws also if the file is not regular or has more than
 * `max` bytes. Does not wait for a FIFO.
 */
export function readOwnFile(path: string, max = SETTINGS_MAX): Buffer {
  return withPath(path, (handle) => {
    mustBeRegular(handle, path)
    mustBeOwn(handle, path)
    return closing(openRegular(handle, path), (fd) => readWhole(fd, path, max))
  })
}

/**
 * Reads the first `max` bytes of a file, whoever wrote it, to tell what it is. Throws if it is no
 * regular file.
 */
export function readStart(path: string, max: number): Buffer {
  return withPath(path, (handle) => closing(openRegular(handle, path), (fd) => readAtMost(fd, max)))
}

/** Reads a whole file, opened as by openForeignFile(). Throws if it has more than `max` bytes. */
export function readForeignFile(path: string, max = SETTINGS_MAX): Buffer {
  return closing(openForeignFile(path).fd, (fd) => readWhole(fd, path, max))
}

/**
 * Reads the password or token in a file, opened as by openForeignFile(), without its line end. Throws an
 * Error with the remedy if everyone can read the file, or if it is empty.
 */
export function readSecret(path: string): string {
  const { fd, stats } = openForeignFile(path)
  const text = closing(fd, () => {
    const mode = stats.mode & 0o777
    if ((mode & 0o007) !== 0) {
      const shown = mode.toString(8).padStart(4, '0')
      throw new Error(`${path}: mode ${shown} lets everyone read it; ${closeIt(path, stats)}`)
    }
    return readWhole(fd, path, SECRET_MAX).toString('utf8')
  })
  const secret = text.replace(/\r?\n$/, '')
  // With an empty password an LDAP server accepts the bind, as an anonymous one (RFC 4513 5.1.2).
  if (secret === '') throw new Error(`${path}: is empty; put the secret into it`)
  return secret
}

/** The command that closes a file to all others, and leaves it open to this process. */
function closeIt(path: string, { uid, gid }: Stats): string {
  const isOurs =
    uid === process.geteuid!() || [process.getegid!(), ...process.getgroups!()].includes(gid)
  return isOurs
    ? 'chmod 640 it'
    : `chgrp ${process.getegid!()} ${shellWord(path)} && chmod 640 ${shellWord(path)}`
}

/**
 * Opens a file that this process reads but does not obey, such as a message or a log. Anybody may
 * have written it. For root: if another user could have put the file there, it must belong to that
 * user. So nobody can make root read one of root's own files through a link. Throws if it is no
 * regular file.
 */
export function openForeignFile(path: string): OpenFile {
  return withPath(path, (handle) => openForeignFileAt(handle, path))
}

/** Opens a file that was found, by the rules of openForeignFile(). */
export function openForeignFileAt(handle: PathHandle, shown: string): OpenFile {
  mustBeSafeToOpen(handle, shown)
  return { fd: openRegular(handle, shown), stats: handle.stats }
}

/** Opens the file or pipe of a command, which is never root's. Waits for the writer of a pipe. */
export function openFileOrPipe(path: string): OpenFile {
  return withPath(path, (handle) => {
    if (!handle.stats.isFIFO()) return openForeignFileAt(handle, path)
    return { fd: openSync(procPathOf(handle), 'r'), stats: handle.stats }
  })
}

/**
 * Opens a file for appending, or creates it with mode 0640. Does not wait: a FIFO without a reader
 * is an error. For root it follows no link of another user, and in another user's directory it writes
 * only to that user's own regular file; it opens a device if nobody but root could have put that there.
 */
export function openToAppend(path: string): number {
  const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const flags = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY
  if (!runsAsRoot() || inheritedDescriptor(path) !== undefined) {
    return openSync(path, flags | O_CREAT, 0o640)
  }
  try {
    return withPath(path, (handle) => {
      if (handle.stranger !== undefined || handle.stats.isFile()) mustBeSafeToOpen(handle, path)
      return openSync(procPathOf(handle), flags)
    })
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
    return withPath(dirname(path), (directory) => {
      const file = `${procPathOf(directory)}/${basename(path)}`
      return openSync(file, flags | O_CREAT | O_EXCL | O_NOFOLLOW, 0o640)
    })
  }
}

/** Throws for root if anybody else could have written this file or put it there. */
export function mustBeOwn(handle: PathHandle, shown: string): void {
  if (!runsAsRoot()) return
  const stranger = handle.stranger ?? Stranger.whoCouldWrite(handle.stats, handle.path)
  if (stranger === undefined) return
  const why = `${stranger.text} may write to ${stranger.where}, and root obeys nobody else`
  throw new Error(`${shown}: ${why}; ${stranger.remedy}`)
}

/**
 * Throws if the file is not regular. For root it also throws if another user could have put the
 * file there and it does not belong to that user.
 */
function mustBeSafeToOpen(handle: PathHandle, shown: string): void {
  mustBeRegular(handle, shown)
  const { stats, stranger } = handle
  if (stranger === undefined || stranger.mayOwn(stats)) return
  const who = `${stranger.text} may write to ${stranger.where}`
  throw new Error(`${shown}: belongs to user ${stats.uid}, and ${who}`)
}

function mustBeRegular({ stats }: PathHandle, shown: string): void {
  if (!stats.isFile()) throw new Error(`${shown} is not a regular file`)
}

/** Opens the file by its handle: by now another file may have its name. */
function openRegular(handle: PathHandle, shown: string): number {
  mustBeRegular(handle, shown) // opening a device may have an effect
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants
  try {
    return openSync(procPathOf(handle), O_RDONLY | O_NONBLOCK | O_NOCTTY)
  } catch (error) {
    throw errorAbout(error, shown)
  }
}

/** Reads the rest of an open file. Throws if that is more than `max` bytes. */
export function readWhole(fd: number, shown: string, max: number): Buffer {
  const bytes = readAtMost(fd, max + 1)
  if (bytes.length > max) throw new Error(`${shown} is over ${max} bytes`)
  return bytes
}

function readAtMost(fd: number, max: number): Buffer {
  const pieces: Buffer[] = []
  for (let left = max; left > 0; ) {
    const piece = Buffer.alloc(Math.min(left, CHUNK))
    const count = readSync(fd, piece, 0, piece.length, null)
    if (count === 0) break
    pieces.push(piece.subarray(0, count))
    left -= count
  }
  return Buffer.concat(pieces)
}

/** Calls `use` with the descriptor, then closes it. */
function closing<Value>(fd: number, use: (fd: number) => Value): Value {
  try {
    return use(fd)
  } finally {
    closeSync(fd)
  }
}
