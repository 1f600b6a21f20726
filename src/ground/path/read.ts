import { closeSync, constants, openSync, readSync, type Stats } from 'node:fs'
import { asksWhose, remedyFor, type Stranger, strangerText, writerOf } from './stranger.ts'
import { listNames, nameOf, type Place, shownAs, withPlace } from './walk.ts'

/** The most bytes of a file of settings. */
const SETTINGS_MAX = 1024 * 1024
/** The most files of a directory of settings. */
const NAMES_MAX = 1000
const CHUNK = 64 * 1024
/**
 * Root does not read another user's file of more bytes than this if nearly all of it is holes: less
 * than a hundredth of it is on the disk, and it would only cost root time.
 */
const HOLES_FROM = 1024 ** 3
const COMPRESSED = 100
/** The unit of st_blocks in bytes, stat(3type). */
const BLOCK = 512

/**
 * Reads a file whose words this process obeys. For root, nobody but root may be able to write to it
 * or to a directory on the way to it. Throws an Error that says who else can, and the remedy; also
 * if it is no regular file or has more than `max` bytes. Does not wait for a FIFO.
 */
export function readOwnFile(path: string, max = SETTINGS_MAX): Buffer {
  return withPlace(path, (place) => readOwn(place, path, max))
}

/** The same, as text. */
export function readOwnText(path: string): string {
  return readOwnFile(path).toString('utf8')
}

/**
 * The files of a directory by name, each read as by readOwnFile(). Names that begin with a dot are
 * left out.
 */
export function readOwnDirectory(path: string): Map<string, Buffer> {
  return withPlace(path, (directory) => {
    mustBeOwn(directory, path)
    const files = new Map<string, Buffer>()
    const names = listNames(directory, path).filter((name) => !name.startsWith('.'))
    if (names.length > NAMES_MAX) throw new Error(`${path}: has more than ${NAMES_MAX} files`)
    for (const name of names) files.set(name, readOwnFile(`${path}/${name}`))
    return files
  })
}

/**
 * The first `max` bytes of a file, whoever wrote it, to tell what it is. Throws if it is no regular
 * file.
 */
export function readStart(path: string, max: number): Buffer {
  return withPlace(path, (place) => closing(openRegular(place, path), (fd) => readAtMost(fd, max)))
}

/** All of a file, opened as by openTheirs(). Throws if it has more than `max` bytes. */
export function readTheirs(path: string, max = SETTINGS_MAX): Buffer {
  return closing(openTheirs(path).fd, (fd) => readWhole(fd, path, max))
}

/**
 * Opens a file that is only looked at and not obeyed, as a message or a log, whoever wrote it. For
 * root: if another user could have put it there, it must be that user's own file and none of
 * root's. So nobody can have root read a file of root's by a link. Throws if it is no regular file.
 */
export function openTheirs(path: string): { readonly fd: number; readonly stats: Stats } {
  return withPlace(path, (place) => openTheirsAt(place, path))
}

/**
 * The same, but a FIFO is allowed, and its writer waited for, if nobody but root could have put it
 * there.
 */
export function openTheirsOrPipe(path: string): { readonly fd: number; readonly stats: Stats } {
  return withPlace(path, (place) => {
    if (!place.stats.isFIFO()) return openTheirsAt(place, path)
    mustBeOwn(place, path)
    return { fd: openSync(nameOf(place), 'r'), stats: place.stats }
  })
}

const STANDARD: ReadonlyMap<string, number> = new Map([
  ['/dev/stdin', 0],
  ['/dev/stdout', 1],
  ['/dev/stderr', 2],
])

/** The descriptor that a path like /dev/fd/63 stands for, which the caller's shell opened. */
export function ownDescriptor(path: string): number | undefined {
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/([0-9]{1,9})$/.exec(path) ?? []
  return number === undefined ? STANDARD.get(path) : Number(number)
}

/** For root, throws if anybody else could have written this file or put it there. */
export function mustBeOwn(place: Place, shown: string): void {
  if (!asksWhose()) return
  const stranger = place.stranger ?? writerOf(place.stats, place.path)
  if (stranger !== undefined) throw notOwn(shown, stranger)
}

/** The same for what stands at a path. Throws if nothing stands there. */
export function mustBeOwnAt(path: string): void {
  if (!asksWhose()) return
  withPlace(path, (place) => mustBeOwn(place, path))
}

function notOwn(shown: string, stranger: Stranger): Error {
  const who = strangerText(stranger)
  const why = `${who} may write to ${stranger.where}, and root obeys nobody else`
  return new Error(`${shown}: ${why}; ${remedyFor(stranger)}`)
}

function readOwn(place: Place, shown: string, max: number): Buffer {
  mustBeRegular(place, shown)
  mustBeOwn(place, shown)
  return closing(openRegular(place, shown), (fd) => readWhole(fd, shown, max))
}

/**
 * Throws if it is no regular file. For root it also throws if another user put it there and it does
 * not belong to that user, and for a large file that is nearly all holes.
 */
export function mustBeTheirs(place: Place, shown: string): void {
  mustBeRegular(place, shown)
  const { stats, stranger } = place
  if (stranger === undefined) return
  if (stats.size > HOLES_FROM && stats.blocks * BLOCK * COMPRESSED < stats.size) {
    throw new Error(
      `${shown}: has ${stats.size} bytes, and nearly all of them are holes: root reads no such file`,
    )
  }
  if (stranger.kind === 'user' ? stats.uid === stranger.id : stats.uid !== 0) return
  throw new Error(
    `${shown}: belongs to user ${stats.uid}, and ${strangerText(stranger)} may write to ${stranger.where}`,
  )
}

function openTheirsAt(place: Place, shown: string): { readonly fd: number; readonly stats: Stats } {
  mustBeTheirs(place, shown)
  return { fd: openRegular(place, shown), stats: place.stats }
}

function mustBeRegular({ stats }: Place, shown: string): void {
  if (!stats.isFile()) throw new Error(`${shown} is not a regular file`)
}

/** Opens the place and not its name, under which another file may stand by now. */
function openRegular(place: Place, shown: string): number {
  mustBeRegular(place, shown) // opening a device may have an effect
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants
  try {
    return openSync(nameOf(place), O_RDONLY | O_NONBLOCK | O_NOCTTY)
  } catch (error) {
    throw shownAs(error, shown)
  }
}

/** What is left to read of an open file. Throws if that is more than `max` bytes. */
export function readWhole(fd: number, shown: string, max: number): Buffer {
  const bytes = readAtMost(fd, max + 1)
  if (bytes.length > max) throw new Error(`${shown} is over ${max} bytes`)
  return bytes
}

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
