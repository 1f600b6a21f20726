import { closeSync, constants, fstatSync, openSync } from 'node:fs'

/**
 * Opens a file that the user did not name: who may write to its directory must not lead him to a
 * pipe, which keeps for ever who opens it, or to a device, which has no end. Throws for these.
 */
export function openRegularFile(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  throw new Error(`${path}: is no regular file, as those of a log are`)
}
