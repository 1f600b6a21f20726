import { constants, openSync, type Stats } from 'node:fs'
import { basename, dirname } from 'node:path'
import { unlessMissing } from '../errors/fault.ts'
import { inheritedDescriptor } from '../process/descriptors.ts'
import { closeFile, openFile, writeTo } from '../runtime/file-calls.ts'
import { PathHandle } from './path-handle.ts'
import { runsAsRoot } from './untrusted-writer.ts'

/**
 * Reads a file whose content controls this process, such as its settings. For root, only root may be able to
 * write to the file or to a directory on its path. Otherwise this throws an Error that names the other writer
 * and the remedy. Also throws if the file is not regular or larger than `max` bytes. Does not wait for a
 * FIFO.
 */
export function readOwnFile(path: string, max?: number): Buffer {
  return PathHandle.with(path, (file) => {
    file.mustBeRegular()
    file.mustBeOwn()
    return file.read(max)
  })
}

/**
 * Reads the first `max` bytes of a file that any user may have written, to find out what it is. Throws if it is
 * not a regular file.
 */
export function readStart(path: string, max: number): Buffer {
  return PathHandle.with(path, (file) => file.readStart(max))
}

/**
 * Reads a file that this process does not obey, such as a certificate, by the rules of PathHandle.read().
 */
export function readForeignFile(
  path: string,
  max?: number,
  check?: (stats: Stats) => void,
): Buffer {
  return PathHandle.with(path, (file) => file.read(max, check))
}

/**
 * Opens a file for appending, or creates it with mode 0640. Does not wait: a FIFO without a reader is an
 * error.
 *
 * For root it follows no link of another user. In another user's directory it writes only to that user's own
 * regular file. It opens a device only if no other user could have created it.
 */
export function openToAppend(path: string): number {
  const { O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const flags = APPENDING
  if (!mustLookForAppending(path)) return openSync(path, flags | O_CREAT, 0o640)
  try {
    return PathHandle.with(path, (file) => {
      if (file.writer !== undefined || file.stats.isFile()) file.mustBeSafeToOpen()
      return openSync(file.at(), flags)
    })
  } catch (error) {
    unlessMissing(error)
    return PathHandle.with(dirname(path), (directory) =>
      openSync(directory.at(basename(path)), flags | O_CREAT | O_EXCL | O_NOFOLLOW, 0o640),
    )
  }
}

const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants
const APPENDING = O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY

/** Returns whether each component of the file's path must be checked. */
function mustLookForAppending(path: string): boolean {
  return runsAsRoot() && inheritedDescriptor(path) === undefined
}

/**
 * Appends what `take` returns once the file is open, in one write to a file opened as by openToAppend(). It does so in
 * threads, so a file system that does not answer blocks nothing else. Resolves to the number of bytes that were written.
 */
export async function appendInThread(path: string, take: () => Buffer): Promise<number> {
  const fd = mustLookForAppending(path)
    ? await openSafelyInThread(path)
    : await openFile(path, APPENDING | constants.O_CREAT, 0o640)
  try {
    return await writeTo(fd, take())
  } finally {
    await closeFile(fd)
  }
}

/** Opens a file for appending as openToAppend() does for root. */
async function openSafelyInThread(path: string): Promise<number> {
  const { O_CREAT, O_EXCL, O_NOFOLLOW } = constants
  const isNew = APPENDING | O_CREAT | O_EXCL | O_NOFOLLOW
  const find = (place: string) => PathHandle.findInThread(place)
  const file = await find(path).catch(unlessMissing)
  const handle = file ?? (await find(dirname(path)))
  try {
    if (file === undefined) return await openFile(handle.at(basename(path)), isNew, 0o640)
    if (file.writer !== undefined || file.stats.isFile()) file.mustBeSafeToOpen()
    return await openFile(handle.at(), APPENDING)
  } finally {
    handle.close()
  }
}
