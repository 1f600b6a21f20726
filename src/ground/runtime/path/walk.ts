import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { errorCode } from '../fault.ts'
import { objectionToFileSystem } from './file-systems.ts'
import { asksWhose, placerOf, type Stranger, strangerText } from './stranger.ts'

/** What stands at a path: the place alone, nothing of it is open yet. */
export interface Place {
  /** A descriptor by which the file is found and neither read nor waited for: open(2), O_PATH. */
  readonly fd: number
  readonly stats: Stats
  /** Absolute, without the links that were followed. */
  readonly path: string
  /** For root: who else could have put it there. */
  readonly stranger: Stranger | undefined
}

/** Node does not name it. */
const O_PATH = 0o10000000
const PLACE = O_PATH | constants.O_NOFOLLOW
/** As the kernel has it: path_resolution(7). */
const LINKS_MAX = 40

/**
 * Goes the way to a path step by step, opens nothing on it, and waits for nothing. For root it
 * tells who else could have put something else there, and it follows no link that somebody else
 * could have made, nor goes to where files are no files (proc, FUSE of a user). The caller closes
 * it. Throws an Error of one line, with the code of the system's if it has one.
 */
export function walk(path: string): Place {
  if (!asksWhose()) return straightTo(path)
  const names = resolve(path).split('/').filter(Boolean)
  let links = 0
  let place = rootDirectory()
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    const directory = place
    try {
      const next = step(directory, name, path)
      place = next
      if (!next.stats.isSymbolicLink()) continue
      closeSync(next.fd)
      const target = linkIn(directory, next, name, path)
      if (++links > LINKS_MAX) throw new Error(`${path}: has more than ${LINKS_MAX} links in it`)
      names.unshift(...target.split('/').filter((word) => word !== '' && word !== '.'))
      place = target.startsWith('/') ? rootDirectory() : again(directory)
    } finally {
      closeSync(directory.fd)
    }
  }
  return place
}

/** What stands in a directory by this name; a link is not followed, and is an Error. */
export function walkIn(directory: Place, name: string): Place {
  const shown = join(directory.path, name)
  const place = step(directory, name, shown)
  if (!place.stats.isSymbolicLink()) return place
  closeSync(place.fd)
  throw new Error(`${shown}: is a link, and links are not followed there`)
}

/** `use` works with what stands at the path. */
export function withPlace<Value>(path: string, use: (place: Place) => Value): Value {
  const place = walk(path)
  try {
    return use(place)
  } finally {
    closeSync(place.fd)
  }
}

/** The name by which calls that know no descriptors reach it. */
export const nameOf = ({ fd }: Pick<Place, 'fd'>): string => `/proc/self/fd/${fd}`

/** For others the kernel asks who may go there. */
function straightTo(path: string): Place {
  const fd = openSync(path, O_PATH)
  return { fd, stats: fstatSync(fd), path: resolve(path), stranger: undefined }
}

function rootDirectory(): Place {
  const fd = openSync('/', O_PATH | constants.O_DIRECTORY)
  return { fd, stats: fstatSync(fd), path: '/', stranger: undefined }
}

function again(directory: Place): Place {
  const fd = openSync(`${nameOf(directory)}/.`, O_PATH | constants.O_DIRECTORY)
  return { ...directory, fd }
}

function step(directory: Place, name: string, shown: string): Place {
  const fd = openPlace(directory, name, shown)
  try {
    const stats = fstatSync(fd)
    const path = name === '..' ? resolve(directory.path, '..') : join(directory.path, name)
    if (!asksWhose()) return { fd, stats, path, stranger: undefined }
    // A file system begins where the device is another one.
    const why = stats.dev === directory.stats.dev ? undefined : objectionToFileSystem(fd)
    if (why !== undefined && !stats.isSymbolicLink()) throw new Error(`${shown}: ${path} ${why}`)
    const stranger = directory.stranger ?? placerOf(directory.stats, stats, directory.path)
    return { fd, stats, path, stranger }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function openPlace(directory: Place, name: string, shown: string): number {
  try {
    return openSync(`${nameOf(directory)}/${name}`, PLACE)
  } catch (error) {
    if (!existsSync('/proc/self/fd'))
      throw new Error(`${shown}: needs /proc to be opened; mount it`)
    throw shownAs(error, shown)
  }
}

/** Where the link leads. Who could put another one there meanwhile could have made this one. */
function linkIn(directory: Place, { path, stranger }: Place, name: string, shown: string): string {
  if (stranger !== undefined) {
    const who = strangerText(stranger)
    throw new Error(`${shown}: ${path} is a link that ${who} could have made: root follows none`)
  }
  try {
    return readlinkSync(`${nameOf(directory)}/${name}`)
  } catch (error) {
    throw shownAs(error, shown)
  }
}

/** Names in a directory. Throws for what is none. */
export function listNames(place: Place, shown: string): string[] {
  try {
    return readdirSync(nameOf(place))
  } catch (error) {
    throw shownAs(error, shown)
  }
}

/** The same error of the path that was asked for. */
export function shownAs(error: unknown, path: string): Error {
  const code = errorCode(error)
  const [text = ''] = error instanceof Error ? error.message.split(', ') : [String(error)]
  return Object.assign(new Error(`${text}: ${path}`), { code })
}
