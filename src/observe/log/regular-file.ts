import { openForeignFile } from '../../ground/path/read.ts'

/**
 * Opens a file that the user did not name: who may write to its directory must not lead him to a
 * pipe, which keeps for ever who opens it, to a device, which has no end, or for root to a file that
 * is not the other's own. Throws for these.
 */
export function openRegularFile(path: string): number {
  return openForeignFile(path).fd
}
