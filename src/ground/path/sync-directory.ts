import { closeSync, fsyncSync, openSync } from 'node:fs'
import { open } from 'node:fs/promises'

/**
 * Makes sure that the names in a directory are on the disk as they are now, new ones and those that went.
 * Throws the error of the system.
 */
export function syncDirectory(directory: string): void {
  const fd = openSync(`${directory}/.`, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Does what syncDirectory() does while other work goes on. Rejects with the error of the system. */
export async function syncDirectoryAside(directory: string): Promise<void> {
  const handle = await open(`${directory}/.`, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
