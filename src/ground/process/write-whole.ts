import { writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

/**
 * Writes all bytes, at `position` or at the descriptor's own offset. One write(2) may take fewer,
 * so this calls it until none are left. Throws the error of write(2).
 */
export function writeWhole(fd: number, bytes: Uint8Array, position?: number): void {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done
    done += writeSync(fd, bytes, done, bytes.length - done, at)
  }
}

/** Writes all bytes as writeWhole() does, while other work goes on. */
export async function writeWholeAside(
  file: FileHandle,
  bytes: Uint8Array,
  position?: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done
    done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten
  }
}
