import { constants } from 'node:fs'
import { open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { syncDirectoryAside } from './sync-directory.ts'

/**
 * Writes a file as a whole or not at all: a new file of mode 0600 beside it, `.new`, is written, synced and
 * renamed. After a crash or on a full disk the old file is still there. Rejects with the error of the system.
 */
export async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  const fresh = `${path}.new`
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
    const handle = await open(fresh, flags, 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, path)
  } catch (error) {
    await unlink(fresh).catch(() => {})
    throw error
  }
  await syncDirectoryAside(dirname(path))
}
