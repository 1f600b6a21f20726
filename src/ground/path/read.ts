import { closeSync, constants, openSync, readSync, type Stats } from 'node:fs'
import { remedyFor, runsAsRoot, type Stranger, strangerText, whoCouldWrite } from './stranger.ts'
import { errorAbout, type PathHandle, procPathOf, withPath } from './walk.ts'

/** The most bytes of a file of settings. */
const SETTINGS_MAX = 1024 * 1024
const CHUNK = 64 * 1024
/**
 * Reads a file that this process obeys, such as its settings. For root, nobody but root may be able
 * to write to the file or to a directory on the way to it; otherwise this throws an Error that
 * names the other writer and the remedy. Throws also if the file is not regular or has more than
 * `max` bytes. Does not wait for a FIFO.
 */
export function readOwnFile(path: string, max = SETTINGS_MAX): Buffer {
  return withPath(path, (handle) => readOwn(handle, path, max))
}

/** Reads a file as readOwnFile() does, and returns its text. */
export function readOwnText(path: string): string {
  return readOwnFile(path).toString('utf8')
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
 * Opens a file that this process reads but does not obey, such as a message or a log. Anybody may
 * have written it. For root: if another user could have put the file there, it must belong to that
 * user. So nobody can make root read one of root's own files through a link. Throws if it is no
 * regular file.
 */
export function openForeignFile(path: string): { readonly fd: number; readonly stats: Stats } {
  return withPath(path, (handle) => openForeignFileAt(handle, path))
}

/** Opens the file or pipe of a command, which is never root's. Waits for the writer of a pipe. */
export function openFileOrPipe(path: string): { readonly fd: number; readonly stats: Stats } {
  return withPath(path, (handle) => {
    if (!handle.stats.isFIFO()) return openForeignFileAt(handle, path)
    return { fd: openSync(procPathOf(handle), 'r'), stats: handle.stats }
  })
}

const STANDARD_STREAMS: ReadonlyMap<string, number> = new Map([
  ['/dev/stdin', 0],
  ['/dev/stdout', 1],
  ['/dev/stderr', 2],
])

/** Returns the descriptor that a path like /dev/fd/63 names; the caller's shell has opened it. */
export function inheritedDescriptor(path: string): number | undefined {
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/([0-9]{1,9})$/.exec(path) ?? []
  return number === undefined ? STANDARD_STREAMS.get(path) : Number(number)
}

/** Throws for root if anybody else could have written this file or put it there. */
export function mustBeOwn(handle: PathHandle, shown: string): void {
  if (!runsAsRoot()) return
  const stranger = handle.stranger ?? whoCouldWrite(handle.stats, handle.path)
  if (stranger !== undefined) throw notOwn(shown, stranger)
}

function notOwn(shown: string, stranger: Stranger): Error {
  const who = strangerText(stranger)
  const why = `${who} may write to ${stranger.where}, and root obeys nobody else`
  return new Error(`${shown}: ${why}; ${remedyFor(stranger)}`)
}

function readOwn(handle: PathHandle, shown: string, max: number): Buffer {
  mustBeRegular(handle, shown)
  mustBeOwn(handle, shown)
  return closing(openRegular(handle, shown), (fd) => readWhole(fd, shown, max))
}

/**
 * Throws if the file is not regular. For root it also throws if another user could have put the
 * file there and it does not belong to that user.
 */
export function mustBeSafeToOpen(handle: PathHandle, shown: string): void {
  mustBeRegular(handle, shown)
  const { stats, stranger } = handle
  if (stranger === undefined) return
  if (stranger.kind === 'user' ? stats.uid === stranger.id : stats.uid !== 0) return
  throw new Error(
    `${shown}: belongs to user ${stats.uid}, and ${strangerText(stranger)} may write to ${stranger.where}`,
  )
}

/** Opens a file that was found, by the rules of openForeignFile(). */
export function openForeignFileAt(
  handle: PathHandle,
  shown: string,
): { readonly fd: number; readonly stats: Stats } {
  mustBeSafeToOpen(handle, shown)
  return { fd: openRegular(handle, shown), stats: handle.stats }
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

/** Calls `use` with the descriptor, then closes it. */
function closing<Value>(fd: number, use: (fd: number) => Value): Value {
  try {
    return use(fd)
  } finally {
    closeSync(fd)
  }
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
