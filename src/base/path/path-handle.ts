import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  promises,
  readdirSync,
  readlinkSync,
  readSync,
  type Stats,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { errorCode } from '../errors/fault.ts'
import { withoutCode } from '../errors/system-error.ts'
import { ITEMS_PER_TURN, inSlices } from '../flow/event-loop.ts'
import { mountOf, O_PATH } from '../process/descriptors.ts'
import { openFile, statDescriptor } from '../runtime/file-calls.ts'
import { responds } from './responds.ts'
import { isOfUser, OF_USER, runsAsRoot, UntrustedWriter } from './untrusted-writer.ts'

/** An open file, and its state when it was found. */
export interface OpenFile {
  readonly fd: number
  readonly stats: Stats
}

const HANDLE_FLAGS = O_PATH | constants.O_NOFOLLOW
/** Maximum number of links on the path of a file. The kernel has the same limit, path_resolution(7). */
const LINKS_MAX = 40
/** Upper limit, in bytes, for a file, if the reader sets no other. */
const READ_MAX = 1024 * 1024
const CHUNK = 64 * 1024

interface PlaceOfFile {
  readonly path: string
  /** The path as the caller wrote it. */
  readonly shown: string
  readonly writer?: UntrustedWriter | undefined
  /** The number of its mount, if it is known. */
  readonly mount?: string | undefined
}

/**
 * A file or directory found at a path. A descriptor (open(2), O_PATH) refers to the file without reading it
 * or waiting for it. The file itself is not open. Errors of its methods contain the path as the caller wrote
 * it. The caller that found the file closes the handle.
 */
export class PathHandle {
  readonly #fd: number
  readonly stats: Stats
  /** The absolute path. For root, all links in it are resolved. */
  readonly path: string
  readonly #shown: string
  /** For root: the other user or group that could have created the file. */
  readonly writer: UntrustedWriter | undefined
  /** The number of the mount that the file is on, which stays the same while the descriptor is open. */
  #mountId: string | undefined

  private constructor(fd: number, stats: Stats, { path, shown, writer, mount }: PlaceOfFile) {
    this.#fd = fd
    this.stats = stats
    this.path = path
    this.#shown = shown
    this.writer = writer
    this.#mountId = mount
  }

  /**
   * Finds the file at a path, one component at a time, without opening a file or waiting for one. Throws an
   * Error of one line, with the system's error code if there is one.
   *
   * For root it notes who else could have put another file there. It follows no link that another user could
   * have made, and does not enter a user's own file system (FUSE). For root a `..` in the path removes the
   * component before it, even the name of a link. In the target of a link it is the parent directory.
   */
  static find(path: string): PathHandle {
    if (!runsAsRoot()) return PathHandle.#directly(path)
    const names = resolve(path).split('/').filter(Boolean)
    let links = 0
    let handle = PathHandle.#directly('/')
    try {
      for (let name = names.shift(); name !== undefined; name = names.shift()) {
        const next = handle.#step(name, path)
        if (!next.stats.isSymbolicLink()) {
          handle.close()
          handle = next
          continue
        }
        next.close()
        const target = handle.#targetOf(next, name)
        if (++links > LINKS_MAX) throw new Error(`${path}: contains more than ${LINKS_MAX} links`)
        names.unshift(...target.split('/').filter((word) => word !== '' && word !== '.'))
        if (!target.startsWith('/')) continue
        const root = PathHandle.#directly('/')
        handle.close()
        handle = root
      }
      const { stats, path: found, writer } = handle
      return new PathHandle(handle.#fd, stats, {
        path: found,
        shown: path,
        writer,
        mount: handle.#mountId,
      })
    } catch (error) {
      handle.close()
      throw error
    }
  }

  /**
   * Finds the file at a path like find(), but in threads of the runtime, so a file system that does not
   * answer blocks nothing else. For root, which checks each component, a thread first finds out whether it answers, and
   * if it does not, this rejects with ETIMEDOUT.
   */
  static async findInThread(path: string): Promise<PathHandle> {
    if (runsAsRoot()) {
      if (await responds(path)) return PathHandle.find(path)
      const reason = 'its file system does not respond'
      throw Object.assign(new Error(`${path}: ${reason}`), { code: 'ETIMEDOUT' })
    }
    const fd = await openFile(path, O_PATH)
    return new PathHandle(fd, await statDescriptor(fd), { path: resolve(path), shown: path })
  }

  /**
   * Finds the file at an absolute path like findInThread(), and rejects if a component is a link: another user may have made
   * it since the path was written down.
   */
  static async findWithoutLinks(path: string): Promise<PathHandle> {
    let handle = await PathHandle.findInThread('/')
    for (const name of resolve(path).split('/').filter(Boolean)) {
      const parent = handle
      handle = await parent.findInThread(name).finally(() => parent.close())
    }
    return handle
  }

  /** Finds the file at a path, calls `use` with its handle, and closes the handle. */
  static with<Value>(path: string, use: (handle: PathHandle) => Value): Value {
    return using(PathHandle.find(path), use)
  }

  /**
   * Opens a path for any user but root: the kernel alone decides where that user may go. Root
   * begins so, too.
   */
  static #directly(path: string): PathHandle {
    const fd = openSync(path, O_PATH)
    return new PathHandle(fd, fstatSync(fd), { path: resolve(path), shown: path })
  }

  close(): void {
    closeSync(this.#fd)
  }

  /**
   * Returns a path to the file, for calls that accept no descriptor; with a name, a path to that entry of
   * this directory.
   */
  at(name?: string): string {
    const path = `/proc/self/fd/${this.#fd}`
    return name === undefined ? path : `${path}/${name}`
  }

  /**
   * Finds the file of this name, which may be no UTF-8, in this directory. Throws if it is a link, which is
   * not followed.
   */
  find(name: string | Buffer): PathHandle {
    return this.#step(name, join(this.#shown, String(name))).#unlessLink()
  }

  /** Finds a file in this directory as find() does, in threads of the runtime. */
  async findInThread(name: string): Promise<PathHandle> {
    const shown = join(this.#shown, name)
    const fd = await openFile(this.#entryPath(name), HANDLE_FLAGS).catch((error) => {
      throw entryError(error, shown)
    })
    let handle: PathHandle
    try {
      const mount = this.#mountOfEntry(fd, name, shown)
      handle = this.#entry(fd, await statDescriptor(fd), name, shown, mount)
    } catch (error) {
      closeSync(fd)
      throw error
    }
    return handle.#unlessLink()
  }

  #unlessLink(): PathHandle {
    if (!this.stats.isSymbolicLink()) return this
    this.close()
    throw new Error(`${this.#shown}: is a link, and links are not followed there`)
  }

  /** Finds a file in this directory as find() does, calls `use` with its handle, and closes that. */
  with<Value>(name: string, use: (handle: PathHandle) => Value): Value {
    return using(this.find(name), use)
  }

  get #mount(): string | undefined {
    this.#mountId ??= mountOf(this.#fd)
    return this.#mountId
  }

  #step(name: string | Buffer, shown: string): PathHandle {
    const fd = this.#openEntry(name, shown)
    try {
      const mount = this.#mountOfEntry(fd, name, shown)
      return this.#entry(fd, fstatSync(fd), name, shown, mount)
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  #openEntry(name: string | Buffer, shown: string): number {
    try {
      return openSync(this.#entryPath(name), HANDLE_FLAGS)
    } catch (error) {
      throw entryError(error, shown)
    }
  }

  #entryPath(name: string | Buffer): Buffer {
    return Buffer.concat([Buffer.from(this.at('')), Buffer.from(name)])
  }

  /**
   * Returns, for root, the mount of an entry. Throws before it requests anything about the mount if a user
   * mounted it.
   */
  #mountOfEntry(fd: number, name: string | Buffer, shown: string): string | undefined {
    if (!runsAsRoot()) return undefined
    const mount = mountOf(fd)
    if (mount === this.#mount || !isOfUser(mount)) return mount
    throw new Error(`${shown}: ${join(this.path, String(name))} ${OF_USER}`)
  }

  #entry(
    fd: number,
    stats: Stats,
    name: string | Buffer,
    shown: string,
    mount: string | undefined,
  ): PathHandle {
    const path = join(this.path, String(name))
    if (!runsAsRoot()) return new PathHandle(fd, stats, { path, shown })
    const writer = this.writer ?? UntrustedWriter.whoCouldPlace(this.stats, stats, this.path)
    return new PathHandle(fd, stats, { path, shown, writer, mount })
  }

  /**
   * Returns the target of a link in this directory. Throws if another user than root could have made the
   * link: that user could also replace it now.
   */
  #targetOf(link: PathHandle, name: string): string {
    const { path, writer } = link
    const shown = link.#shown
    if (writer !== undefined) {
      const who = writer.text
      throw new Error(
        `${shown}: ${path} is a link that ${who} could have made: root does not follow it`,
      )
    }
    try {
      return readlinkSync(this.at(name))
    } catch (error) {
      throw errorAbout(error, shown)
    }
  }

  /** Removes the entry of this name, which may be no UTF-8, from this directory. Rejects with the error of the system. */
  async unlink(name: string | Buffer): Promise<void> {
    await promises.unlink(this.#entryPath(name)).catch((error) => {
      throw errorAbout(error, join(this.#shown, String(name)))
    })
  }

  /** Lists the names in this directory. Throws if it is not a directory. */
  names(): string[] {
    return this.byteNames().map(String)
  }

  /** Lists the names in this directory, in a thread of the runtime. Rejects as names() throws. */
  async namesInThread(): Promise<string[]> {
    return promises.readdir(this.at()).catch((error) => {
      throw errorAbout(error, this.#shown)
    })
  }

  /**
   * Returns the names in this directory as bytes, because a name may have any bytes. Throws as names() does.
   */
  byteNames(): Buffer[] {
    try {
      return readdirSync(this.at(), { encoding: 'buffer' })
    } catch (error) {
      throw errorAbout(error, this.#shown)
    }
  }

  /**
   * Yields the names in this directory, in no order. Pauses `milliseconds` after each slice of them, so that
   * other work can run, and holds no more than a slice: a directory may have a million. Rejects when the
   * signal is aborted.
   */
  async *namesInSlices(milliseconds: number, signal?: AbortSignal): AsyncGenerator<string> {
    const entries = await promises
      .opendir(this.at('.'), { bufferSize: ITEMS_PER_TURN })
      .catch((error) => {
        throw errorAbout(error, this.#shown)
      })
    for await (const { name } of inSlices(entries, milliseconds, signal)) yield name
  }

  /**
   * Makes sure that the disk has the names in this directory as they are now: new names are there,
   * and removed ones are not. Rejects with the error of the system.
   */
  async sync(): Promise<void> {
    try {
      const file = await promises.open(this.at('.'), 'r')
      await file.sync().finally(() => file.close())
    } catch (error) {
      throw errorAbout(error, this.#shown)
    }
  }

  /** Throws for root if another user could have written this file or put it there. */
  mustBeOwn(): void {
    if (!runsAsRoot()) return
    const writer = this.writer ?? UntrustedWriter.whoCouldWrite(this.stats, this.path)
    if (writer === undefined) return
    const reason = `${writer.text} may write to ${writer.where}, and root trusts no other user`
    throw new Error(`${this.#shown}: ${reason}; ${writer.remedy}`)
  }

  mustBeRegular(): void {
    if (!this.stats.isFile()) throw new Error(`${this.#shown} is not a regular file`)
  }

  /**
   * Throws if the file is not regular. For root it also throws if another user could have put the
   * file there and it does not belong to that user.
   */
  mustBeSafeToOpen(): void {
    this.mustBeRegular()
    const { stats, writer } = this
    if (writer === undefined || writer.mayOwn(stats)) return
    const who = `${writer.text} may write to ${writer.where}`
    throw new Error(`${this.#shown}: belongs to user ${stats.uid}, and ${who}`)
  }

  /**
   * Opens a file whose content this process reads but does not trust, such as a message or a log. Throws if
   * it is not a regular file.
   *
   * Any user may have written the file. For root: if another user could have put the file there, it must
   * belong to that user. A link therefore cannot make root read one of its own files.
   */
  open(): OpenFile {
    this.mustBeSafeToOpen()
    return { fd: this.#openRegular(), stats: this.stats }
  }

  /** Opens the file or pipe of a command, which is never root's. Waits for the writer of a pipe. */
  openFileOrPipe(): OpenFile {
    if (!this.stats.isFIFO()) return this.open()
    return { fd: this.#openAs(constants.O_RDONLY), stats: this.stats }
  }

  #openRegular(): number {
    this.mustBeRegular() // opening a device may have an effect
    const { O_RDONLY, O_NONBLOCK, O_NOCTTY } = constants
    return this.#openAs(O_RDONLY | O_NONBLOCK | O_NOCTTY)
  }

  /** Opens the file by its handle: by now another file may have its name. */
  #openAs(flags: number): number {
    try {
      return openSync(this.at(), flags)
    } catch (error) {
      throw errorAbout(error, this.#shown)
    }
  }

  /**
   * Reads the whole file, opened as by open(). `check` may throw because of the owner or mode of the opened
   * file. Throws if the file is larger than `max` bytes.
   */
  read(max = READ_MAX, check: (stats: Stats) => void = () => {}): Buffer {
    this.mustBeSafeToOpen()
    return this.#reading((fd) => {
      check(this.stats)
      const bytes = readAtMost(fd, max + 1)
      if (bytes.length > max) throw new Error(`${this.#shown} is larger than ${max} bytes`)
      return bytes
    })
  }

  /** Reads the first `max` bytes of a file that any user may have written. Throws if it is not a regular file. */
  readStart(max: number): Buffer {
    return this.#reading((fd) => readAtMost(fd, max))
  }

  /** Reads the last `max` bytes of a file, opened as by open(). */
  readEnd(max: number): Buffer {
    this.mustBeSafeToOpen()
    return this.#reading((fd) => {
      const bytes = Buffer.alloc(Math.min(max, this.stats.size))
      return bytes.subarray(0, readSync(fd, bytes, 0, bytes.length, this.stats.size - bytes.length))
    })
  }

  #reading(use: (fd: number) => Buffer): Buffer {
    const fd = this.#openRegular()
    try {
      return use(fd)
    } finally {
      closeSync(fd)
    }
  }
}

function using<Value>(handle: PathHandle, use: (handle: PathHandle) => Value): Value {
  try {
    return use(handle)
  } finally {
    handle.close()
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

/** Returns whether a path exists. For root it is found as a PathHandle: throws if root must not access it. */
export function pathExists(path: string): boolean {
  if (!runsAsRoot()) return existsSync(path)
  try {
    return PathHandle.with(path, () => true)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(error))) return false
    throw error
  }
}

function entryError(error: unknown, shown: string): Error {
  if (existsSync('/proc/self/fd')) return errorAbout(error, shown)
  return new Error(`${shown}: cannot be opened without /proc; mount it`)
}

/** Returns an error whose message is about the path that the caller used. */
function errorAbout(error: unknown, path: string): Error {
  const code = errorCode(error)
  const [text = ''] = error instanceof Error ? error.message.split(', ') : [String(error)]
  return Object.assign(new Error(`${path}: ${withoutCode(text, code)}`), { code })
}
