import { closeSync, statfsSync, writeSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { openAnonymousFile } from '../../../message/anonymous-file.ts'
import type { SpoolPolicy } from '../../../message/spool-policy.ts'

/** Bytes that are written for a trial. */
const WRITTEN = 64 * 1024
/**
 * If a whole file system is smaller than the largest message, it counts as full when this part of
 * it is used.
 */
const RESERVE = 0.1

/**
 * Why the places for messages have no room for one of `maxSize` bytes, a line each: mail that is
 * larger than what is left is deferred while small mail goes on.
 */
export function spoolFaults(
  { directory, sharedDirectory }: SpoolPolicy,
  maxSize: number,
): string[] {
  const places = [
    { name: 'TMPDIR', directory },
    ...(sharedDirectory === undefined ? [] : [{ name: 'SPOOLDIR', directory: sharedDirectory }]),
  ]
  return places.flatMap(({ name, directory }) => {
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
