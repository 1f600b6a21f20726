import { closeSync, statfsSync, writeSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { openAnonymousFile, type SpoolPolicy } from '../../../mail/message/spool.ts'

/** Bytes that are written to see whether a directory takes them. */
const WRITTEN = 64 * 1024
/**
 * The share of a file system that must be free if that is less than the largest message, as on a
 * small file system.
 */
const RESERVE = 0.1

/**
 * Returns a line for each directory for messages that has no room for a message of `maxSize` bytes,
 * and why. Without a warning nobody would notice: small mail goes on while large mail is deferred.
 */
export function spoolFaults(
  { directory, sharedDirectory }: SpoolPolicy,
  maxSize: number,
): string[] {
  const spools = [
    { name: 'TMPDIR', directory },
    ...(sharedDirectory === undefined ? [] : [{ name: 'SPOOLDIR', directory: sharedDirectory }]),
  ]
  return spools.flatMap(({ name, directory }) => {
    const why = faultOf(directory, maxSize)
    return why === undefined ? [] : [`${name} ${directory}: ${why}`]
  })
}

function faultOf(directory: string, maxSize: number): string | undefined {
  try {
    const fd = openAnonymousFile(directory)
    try {
      writeSync(fd, Buffer.alloc(WRITTEN))
    } finally {
      closeSync(fd)
    }
    const { bsize, blocks, bavail } = statfsSync(directory)
    const [size, free] = [blocks * bsize, bavail * bsize]
    const wanted = Math.min(maxSize, size * RESERVE)
    if (free >= wanted) return undefined
    return `${megabytes(free)} MB are free, and a message may have ${megabytes(maxSize)} (--max-size)`
  } catch (error) {
    return errorText(error)
  }
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
