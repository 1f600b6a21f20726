import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { errorCode } from '../errors/fault.ts'
import { O_PATH } from '../process/descriptors.ts'
import { runsAsRoot, Stranger } from './stranger.ts'

/** A file found at a path. Its place is held by a descriptor; the file itself is not open. */
export interface PathHandle {
  /** open(2), O_PATH: a descriptor that names the file, without reading it or waiting for it. */
  readonly fd: number
  readonly stats: Stats
  /** The absolute path, with all links resolved. */
  readonly path: string
  /** For root: the other user or group who could have put the file there. */
  readonly stranger: Stranger | undefined
}

const HANDLE_FLAGS = O_PATH | constants.O_NOFOLLOW
/** The most links on the way to a file; the kernel's own limit, path_resolution(7). */
const LINKS_MAX = 40

/**
 * Finds the file at a path, name by name, without opening a file or waiting for one. For root it
 * notes who else could have put another file there, follows no link that another user could have
 * made, and does not enter a user's own file system (FUSE). For root a `..` in the path takes away the
 * name before it, even that of a link; in the target of a link it is the parent directory. The caller
 * closes the handle. Throws an Error of one line, with the system's error code if there is one.
 */
export function walk(path: string): PathHandle {
  if (!runsAsRoot()) return openDirectly(path)
  const names = resolve(path).split('/').filter(Boolean)
  let links = 0
  let handle = openDirectly('/')
  try {
    for (let name = names.shift(); name !== undefined; name = names.shift()) {
      const next = step(handle, name, path)
      if (!next.stats.isSymbolicLink()) {
        closeSync(handle.fd)
        handle = next
        continue
      }
      closeSync(next.fd)
      const target = linkIn(handle, next, name, path)
      if (++links > LINKS_MAX) throw new Error(`${path}: has more than ${LINKS_MAX} links in it`)
      names.unshift(...target.split('/').filter((word) => word !== '' && word !== '.'))
      if (!target.startsWith('/')) continue
      const root = openDirectly('/')
      closeSync(handle.fd)
      handle = root
    }
    return handle
  } catch (error) {
    closeSync(handle.fd)
    throw error
  }
}

/**
 * Finds the file of this name, which may be no UTF-8, in a directory. Throws if it is a link, which is
 * not followed.
 */
export function walkIn(directory: PathHandle, name: string | Buffer): PathHandle {
  const shown = join(directory.path, String(name))
  const handle = step(directory, name, shown)
  if (!handle.stats.isSymbolicLink()) return handle
  closeSync(handle.fd)
  throw new Error(`${shown}: is a link, and links are not followed there`)
}

/** Finds the file at a path, calls `use` with its handle, and closes the handle. */
export function withPath<Value>(path: string, use: (handle: PathHandle) => Value): Value {
  const handle = walk(path)
  try {
    return use(handle)
  } finally {
    closeSync(handle.fd)
  }
}

/**
 * Whether a path leads to something. For root it is found by walk(): throws if root must not look there.
 */
export function leadsSomewhere(path: string): boolean {
  if (!runsAsRoot()) return existsSync(path)
  try {
    return withPath(path, () => true)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return false
    throw error
  }
}

/** Returns a path to the file for calls that take no descriptor. */
export const procPathOf = ({ fd }: Pick<PathHandle, 'fd'>): string => `/proc/self/fd/${fd}`

/** Opens a path for any user but root: the kernel alone decides where that user may go. Root begins so, too. */
function openDirectly(path: string): PathHandle {
  const fd = openSync(path, O_PATH)
  return { fd, stats: fstatSync(fd), path: resolve(path), stranger: undefined }
}

function step(directory: PathHandle, name: string | Buffer, shown: string): PathHandle {
  const fd = openEntry(directory, name, shown)
  try {
    const path = join(directory.path, String(name))
    if (!runsAsRoot()) return { fd, stats: fstatSync(fd), path, stranger: undefined }
    if (isOfUser(directory.fd, fd)) throw new Error(`${shown}: ${path} ${OF_USER}`)
    const stats = fstatSync(fd)
    const stranger =
      directory.stranger ?? Stranger.whoCouldPlace(directory.stats, stats, directory.path)
    return { fd, stats, path, stranger }
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function openEntry(directory: PathHandle, name: string | Buffer, shown: string): number {
  try {
    const path = Buffer.concat([Buffer.from(`${procPathOf(directory)}/`), Buffer.from(name)])
    return openSync(path, HANDLE_FLAGS)
  } catch (error) {
    if (!existsSync('/proc/self/fd'))
      throw new Error(`${shown}: needs /proc to be opened; mount it`)
    throw errorAbout(error, shown)
  }
}

/**
 * Returns the target of a link. Throws if anybody but root could have made the link: the same users
 * could replace it now.
 */
function linkIn(
  directory: PathHandle,
  { path, stranger }: PathHandle,
  name: string,
  shown: string,
): string {
  if (stranger !== undefined) {
    const who = stranger.text
    throw new Error(`${shown}: ${path} is a link that ${who} could have made: root follows none`)
  }
  try {
    return readlinkSync(`${procPathOf(directory)}/${name}`)
  } catch (error) {
    throw errorAbout(error, shown)
  }
}

/** Lists the names in a directory. Throws if the handle is of no directory. */
export function listNames(handle: PathHandle, shown: string): string[] {
  return listByteNames(handle, shown).map(String)
}

/** Lists the names in a directory as they are, since a name is bytes. Throws as listNames() does. */
export function listByteNames(handle: PathHandle, shown: string): Buffer[] {
  try {
    return readdirSync(procPathOf(handle), { encoding: 'buffer' })
  } catch (error) {
    throw errorAbout(error, shown)
  }
}

/** Returns the same error, worded about the path that the caller asked for. */
export function errorAbout(error: unknown, path: string): Error {
  const code = errorCode(error)
  const [text = ''] = error instanceof Error ? error.message.split(', ') : [String(error)]
  return Object.assign(new Error(`${text}: ${path}`), { code })
}

const OF_USER = "is on a user's own file system (FUSE), which could keep root waiting"

/**
 * Whether root must not even look at what a directory has under a name, because a user other than root
 * mounted it there: the option user_id says so, proc_pid_mountinfo(5). For virtiofs and root's own mounts
 * the option is 0 or missing. Both may be open with O_PATH. Asks proc(5) alone: fstat(2) and statfs(2)
 * would wait for the answer of that user.
 */
function isOfUser(directory: number, fd: number): boolean {
  const id = mountOf(fd)
  if (id === mountOf(directory)) return false
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
  const line = lines.find((row) => row.startsWith(`${id} `))
  // Of the fields only the last one is no user's choice: a directory may be named `a,user_id=0`.
  const options = line?.split(' ').at(-1)?.split(',')
  const user = options?.find((option) => option.startsWith('user_id='))
  return line === undefined || (user !== undefined && user !== 'user_id=0')
}

/** The number of the mount that a file is on, as mountinfo has it. */
function mountOf(fd: number): string | undefined {
  return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]
}
