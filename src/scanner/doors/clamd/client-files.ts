import { constants } from 'node:fs'
import { type FileHandle, opendir, open as openHandle, readlink, statfs } from 'node:fs/promises'
import { errorCode, errorText, Fault } from '../../../base/errors/fault.ts'
import { O_PATH } from '../../../base/process/descriptors.ts'
import { openFile, readFrom, statDescriptor } from '../../../base/runtime/file-calls.ts'
import { isOfUnitAlone } from '../../../base/systemd/bound-paths.ts'
import type { FollowedLinks } from '../../scan/scanners/contract/scanner.ts'
import { closeDescriptor, closeWithPermit, tookDescriptors, withPermitOf } from './file-permits.ts'

/** Bytes of a file that are read at a time, at most. */
const CHUNK = 256 * 1024

/** The descriptor or path of a client does not refer to a regular file. */
export class NoRegularFile extends Error {}

/**
 * Reads the file of a descriptor from its beginning, whatever its own offset is, and closes it. `take`
 * receives the pieces, and returns whether it accepts more. Rejects with NoRegularFile, a Fault or the
 * system's error. Resolves when the last piece was taken: the next file of the user waits until this one is closed.
 */
export async function readDescriptor(
  descriptor: number,
  uid: number,
  gone: AbortSignal,
  take: (piece: Buffer) => boolean,
): Promise<void> {
  let hasBegun = false
  let noteRead = () => {}
  const isRead = new Promise<void>((resolve) => {
    noteRead = resolve
  })
  const reading = withPermitOf(uid, gone, async () => {
    hasBegun = true
    try {
      await readAll(descriptor, take)
      noteRead()
    } finally {
      await closeDescriptor(uid, descriptor)
    }
  })
  const closing = reading.finally(() => {
    // No request waits until it is closed.
    if (!hasBegun) void closeWithPermit(uid, descriptor)
  })
  await Promise.race([isRead, closing])
}

async function readAll(descriptor: number, take: (piece: Buffer) => boolean): Promise<void> {
  const stats = await statDescriptor(descriptor)
  if (!stats.isFile()) throw new NoRegularFile()
  const { size } = stats // 0 in /proc, whatever the file contains
  // With room for one more byte, the first read of a small file also shows its end.
  const buffer = Buffer.allocUnsafe(size === 0 ? CHUNK : Math.min(CHUNK, size + 1))
  for (let at = 0; ; ) {
    const bytesRead = await readFrom(descriptor, buffer, at)
    at += bytesRead
    // After a timeout or a disconnect, its content takes no more bytes.
    if (bytesRead === 0 || !take(buffer.subarray(0, bytesRead))) return
    if (bytesRead < buffer.length && size > 0 && at >= size) return // the end of the file
  }
}

/** A file or folder that a client has named by its path. */
export interface ClientFile {
  readonly path: Buffer
  /** Set for a file: its descriptor, which its owner closes. */
  readonly descriptor?: number
  /** The names in the folder, or undefined for a file. */
  readonly names?: readonly Buffer[]
  /** Set if the folder has more names. */
  readonly hasMore?: boolean
}

const NAME = constants.O_NOFOLLOW | O_PATH
const SLASH = Buffer.from('/')
/** errno(3): no descriptors, no memory. */
const NOTHING_LEFT = ['EMFILE', 'ENFILE', 'ENOMEM']
/** Maximum number of links on the path of a file, as in Linux; path_resolution(7). */
const LINKS_MAX = 40
/** f_type of /proc; statfs(2). */
const PROC = 0x9fa0
/** Names are any bytes. */
const LIKE_BYTES = { encoding: 'latin1', bufferSize: 1024 } as const
const EXECUTE = 1
const READ = 4

/**
 * The client may not read what it has named, or there is nothing. It learns the latter only if it could find
 * out itself: the message is the system's.
 */
export class NotReadable extends Error {
  constructor(message = 'Permission denied') {
    super(message)
  }
}
/** The errors shown to a client that may enter the directory, in the wording of strerror(3). */
const SEEN: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  ENOTDIR: 'Not a directory',
}

/** The path may exist on the host, but the systemd unit has not bound it for this process. */
export class OutsideUnit extends Error {
  /** The path that the unit would have to bind. */
  readonly path: string

  constructor(path: string) {
    super()
    this.path = path
  }
}

interface LookupOptions {
  /** Whether a link may lead to it, if it is a file or a folder. */
  readonly links: FollowedLinks
  /** Names of a folder that may be read. */
  readonly namesMax: number
}

/**
 * Opens the file or folder that a client of this user has named. The user must be able to read it, and to
 * enter every directory on the way, also those of a link and before `..`. Only the rights of
 * the owner and of all users are considered. Rejects with NotReadable, OutsideUnit, NoRegularFile or a Fault, also if no
 * descriptor or memory is left.
 *
 * Each name is looked up in the directory before it, which is held open, so that no process can replace it
 * with a link meanwhile.
 */
export function findClientFile(
  named: Buffer,
  uid: number,
  gone: AbortSignal,
  wanted: LookupOptions,
): Promise<ClientFile> {
  const find = async (): Promise<ClientFile> => {
    const way = new WayToFile(uid)
    try {
      const isLinked = await way.follow(named, wanted)
      return await openFound(way.directory!, uid, wanted, isLinked)
    } catch (error) {
      throw await way.reasonOf(error)
    } finally {
      await way.directory?.close()
    }
  }
  return withPermitOf(uid, gone, find, ({ descriptor }) => {
    if (descriptor !== undefined) void closeWithPermit(uid, descriptor)
  })
}

/** The way from the root to what a client has named, with the rights of its user. */
class WayToFile {
  readonly #uid: number
  /** What the names so far have led to. */
  directory: FileHandle | undefined
  /** The name that was looked up last. */
  #name: Buffer | undefined

  constructor(uid: number) {
    this.#uid = uid
  }

  /** Enters each directory of the path, also those of links. Resolves to whether there were links. */
  async follow(named: Buffer, { links }: LookupOptions): Promise<boolean> {
    if (named[0] !== SLASH[0] || named.includes(0)) throw new NotReadable(SEEN.ENOENT)
    this.directory = await openHandle('/', O_PATH)
    const names = namesIn(named)
    const mayFollow = links.followsFiles || links.followsFolders
    let followed = 0
    while (names.length > 0) {
      mayUse(await this.directory.stat(), this.#uid, EXECUTE)
      this.#name = names.shift()!
      const at = Buffer.concat([Buffer.from(`${pathOf(this.directory)}/`), this.#name])
      const target = mayFollow ? await targetOf(at) : undefined
      if (target === undefined) {
        await this.#enter(at)
        continue
      }
      names.unshift(...namesIn(target))
      if (++followed > LINKS_MAX) throw new NotReadable()
      if (target[0] === SLASH[0]) await this.#enter('/')
    }
    return followed > 0
  }

  async #enter(path: Buffer | string): Promise<void> {
    const next = await openHandle(path, NAME)
    await this.directory!.close()
    this.directory = next
  }

  /** Returns the error that the client is to see. */
  async reasonOf(error: unknown): Promise<unknown> {
    const isKnown = [NoRegularFile, NotReadable].some((kind) => error instanceof kind)
    if (isKnown) return error
    const code = errorCode(error)
    if (NOTHING_LEFT.includes(code)) return new Fault('out-of-memory', errorText(error))
    const outside = code === 'ENOENT' ? await outsideUnit(this.directory, this.#name) : undefined
    return outside ?? new NotReadable(SEEN[code])
  }
}

/** Opens the file that was found, or reads the names of the folder. */
async function openFound(
  found: FileHandle,
  uid: number,
  { links, namesMax }: LookupOptions,
  isLinked: boolean,
): Promise<ClientFile> {
  const stats = await found.stat()
  if (!stats.isFile() && !stats.isDirectory()) throw new NoRegularFile()
  if (isLinked && !(stats.isFile() ? links.followsFiles : links.followsFolders))
    throw new NoRegularFile()
  mayUse(stats, uid, READ)
  // In /proc the mode does not show who may read: the kernel checks the opening process, which is this one.
  if ((await statfs(pathOf(found))).type === PROC) throw new NotReadable()
  const path = await readlink(pathOf(found), { encoding: 'buffer' })
  if (stats.isDirectory()) {
    mayUse(stats, uid, EXECUTE)
    return { path, ...(await namesOf(found, namesMax)) }
  }
  const descriptor = await descriptorFor(found)
  tookDescriptors(uid, 1)
  return { path, descriptor }
}

/**
 * Returns the error about a name that is missing in a private directory of the unit, or undefined in any
 * other directory.
 */
async function outsideUnit(
  directory: FileHandle | undefined,
  name: Buffer | undefined,
): Promise<OutsideUnit | undefined> {
  if (directory === undefined || name === undefined) return undefined
  const parent = await readlink(pathOf(directory), 'latin1')
  if (!isOfUnitAlone(directory.fd, parent)) return undefined
  return new OutsideUnit(`${parent === '/' ? '' : parent}/${name.toString('latin1')}`)
}

/** Resolves to the target of a link, or undefined if the path is not a link. */
async function targetOf(path: Buffer): Promise<Buffer | undefined> {
  try {
    return await readlink(path, { encoding: 'buffer' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined
    throw error
  }
}

/** Resolves to at most `most` names in a folder. They are read one by one, because there may be any number of them. */
async function namesOf(handle: FileHandle, most: number) {
  const names: Buffer[] = []
  for await (const { name } of await opendir(`${pathOf(handle)}/`, LIKE_BYTES)) {
    if (names.length === most) return { names, hasMore: true }
    names.push(Buffer.from(name, 'latin1'))
  }
  return { names }
}

/** Opens the very file that was looked at. */
async function descriptorFor(handle: FileHandle): Promise<number> {
  const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants
  return openFile(pathOf(handle), O_RDONLY | O_NONBLOCK | O_NOCTTY)
}

/** The path of what a handle has. */
const pathOf = ({ fd }: FileHandle) => `/proc/self/fd/${fd}`

function namesIn(path: Buffer): Buffer[] {
  const names = path.toString('latin1').split('/')
  const entered = names.filter((name) => name !== '' && name !== '.')
  return entered.map((name) => Buffer.from(name, 'latin1'))
}

/**
 * Throws NotReadable unless the user has the right. An owner has all rights, since an owner can change the
 * mode: qpsmtpd gives its own files none. The rights of a group do not count alone: under an access list they
 * are its mask, acl(5).
 */
function mayUse({ uid: owner, mode }: { uid: number; mode: number }, uid: number, right: number) {
  const hasRight = uid === 0 || uid === owner || (mode & (mode >> 3) & right) !== 0
  if (!hasRight) throw new NotReadable()
}
