import { openForeignFile } from '../../ground/path/read.ts'

/**
 * Opens a file that the user did not name, but only its directory. Somebody else may write there: a
 * pipe would keep this process waiting for ever, and a device may have no end. Throws for both, and
 * for root also if that somebody does not own the file.
 */
export function openRegularFile(path: string): number {
  return openForeignFile(path).fd
}
