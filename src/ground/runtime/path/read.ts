import { closeSync, constants, openSync, readSync, type Stats } from 'node:fs'
import { asksWhose, remedyFor, type Stranger, strangerText, writerOf } from './stranger.ts'
import { listNames, nameOf, type Place, shownAs, withPlace } from './walk.ts'

/** Bytes of a file of settings. */
const SETTINGS_MAX = 1024 * 1024
/** Files of a directory of settings. */
const NAMES_MAX = 1000
const CHUNK = 64 * 1024
/** A file of somebody else's that is larger and has less than a part of it on the disk takes root's time alone. */
const HOLES_FROM = 1024 ** 3
const COMPRESSED = 100
/** Bytes of st_blocks, stat(3type). */
const BLOCK = 512

/**
 * A file on whose words this process acts: for root, one that root alone could have written, with
 * each directory on the way to it. Throws an Error that says who else could, and what to do then;
 * also for what is no regular file or has more bytes than `max`. No FIFO is waited for.
 */
export function readOwnFile(path: string, max = SETTINGS_MAX): Buffer {
  return withPlace(path, (place) => readOwn(place, path, max))
}

/** Likewise, as text. */
export function readOwnText(path: string): string {
  return readOwnFile(path).toString('utf8')
}

/** Each file of a directory, by name, of which all is as readOwnFile() demands. Names with a dot in front are left out. */
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

/** The first `max` bytes of a file, whoever wrote it, to tell what it is. Throws for what is no regular file. */
export function readStart(path: string, max: number): Buffer {
  return withPlace(path, (place) => closing(openRegular(place, path), (fd) => readAtMost(fd, max)))
}

/** All of a file that openTheirs() opens; throws for more than `max` bytes. */
export function readTheirs(path: string, max = SETTINGS_MAX): Buffer {
  return closing(openTheirs(path).fd, (fd) => readWhole(fd, path, max))
}

/**
 * Opens a file that is looked at and not obeyed, as a message or a log, whoever wrote it. For
 * root: where somebody else could have put it, it is his own file, and none of root's that he has
 * put there. Throws for what is no regular file.
 */
export function openTheirs(path: string): { readonly fd: number; readonly stats: Stats } {
  return withPlace(path, (place) => openTheirsAt(place, path))
}

/** Likewise; and a FIFO, for which its writer is waited for, if root alone could have put it there. */
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

/** The descriptor that a path like /dev/fd/63 stands for: what the caller's shell handed over. */
export function ownDescriptor(path: string): number | undefined {
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/([0-9]{1,9})$/.exec(path) ?? []
  return number === undefined ? STANDARD.get(path) : Number(number)
}

/** Throws if, for root, anybody else could have written what is there, or put it there. */
export function mustBeOwn(place: Place, shown: string): void {
  if (!asksWhose()) return
  const stranger = place.stranger ?? writerOf(place.stats, place.path)
  if (stranger !== undefined) throw notOwn(shown, stranger)
}

/** The same of what stands at a path. Throws if nothing does. */
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

/** Throws for what is no regular file, or for root a file that somebody else put there and that is not his own, or a large one of holes. */
export function mustBeTheirs(place: Place, shown: string): void {
  mustBeRegular(place, shown)
  const { stats, stranger } = place
  if (stranger === undefined) return
  if (stats.size > HOLES_FROM && stats.blocks * BLOCK * COMPRESSED < stats.size) {
    throw new Error(
      `${shown}: says that it has ${stats.size} bytes, and is next to nothing but holes`,
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

/** Opened by its place: what came to its name meanwhile is another file. */
function openRegular(place: Place, shown: string): number {
  mustBeRegular(place, shown) // a device would be opened, whatever that does
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants
  try {
    return openSync(nameOf(place), O_RDONLY | O_NONBLOCK | O_NOCTTY)
  } catch (error) {
    throw shownAs(error, shown)
  }
}

/** What is left of an open file; throws for more than `max` bytes. */
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
