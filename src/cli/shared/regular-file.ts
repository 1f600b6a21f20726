import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { errorCode } from '../../runtime/fault.ts'

const { O_RDONLY, O_NONBLOCK, O_NOCTTY, O_NOFOLLOW } = constants
/** Larger ones are no settings. Bytes. */
const LARGEST = 1024 * 1024

/**
 * A file of settings, which somebody else may have written or put there: no FIFO is waited
 * for, no device read. With `owner`, a link is followed to a file of that user alone.
 * Throws an Error that says why.
 */
export function readRegularFile(path: string, owner?: number): string {
  return readRegularBytes(path, owner).toString('utf8')
}

/** Likewise, for what is no text. */
export function readRegularBytes(path: string, owner?: number): Buffer {
  const fd = openHere(path, owner)
  try {
    const status = fstatSync(fd)
    if (!status.isFile()) throw new Error(`${path} is not a regular file`)
    if (status.size > LARGEST) throw new Error(`${path} is over ${LARGEST} bytes`)
    const bytes = Buffer.alloc(status.size)
    let length = 0
    while (length < bytes.length) {
      const count = readSync(fd, bytes, length, bytes.length - length, null)
      if (count === 0) break
      length += count
    }
    return bytes.subarray(0, length)
  } finally {
    closeSync(fd)
  }
}

function openHere(path: string, owner: number | undefined): number {
  const flags = O_RDONLY | O_NONBLOCK | O_NOCTTY
  if (owner === undefined) return openSync(path, flags)
  try {
    return openSync(path, flags | O_NOFOLLOW)
  } catch (error) {
    if (errorCode(error) !== 'ELOOP') throw error
  }
  const fd = openSync(path, flags)
  if (fstatSync(fd).uid === owner) return fd
  closeSync(fd)
  throw new Error(`${path} is a link to a file of another user than that of the directory`)
}
