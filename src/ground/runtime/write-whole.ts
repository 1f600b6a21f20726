import { writeSync } from 'node:fs'

/**
 * Writes all of the bytes, at `position` or where the descriptor stands: write(2) may take less
 * at a time. Throws its error.
 */
export function writeWhole(fd: number, bytes: Uint8Array, position?: number): void {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done
    done += writeSync(fd, bytes, done, bytes.length - done, at)
  }
}
