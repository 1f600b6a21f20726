import { accessSync, constants, statfsSync } from 'node:fs'
import { errorCode } from '../errors/fault.ts'

/** f_type of statfs(2). */
const TMPFS = 0x01021994

/** The room for users other than root on the file system of a directory, in bytes and in files. Throws as statfs(2) fails. */
export function roomIn(directory: string) {
  const { type, bsize, blocks, bavail, files, ffree } = statfsSync(directory)
  const newFiles = files === 0 ? Number.POSITIVE_INFINITY : ffree // btrfs has no limit
  return { free: bavail * bsize, size: blocks * bsize, isTmpfs: type === TMPFS, newFiles }
}

/** Returns whether the file system of a directory is read-only, as under ProtectSystem= of a unit: access(2). */
export function isReadOnly(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK)
    return false
  } catch (error) {
    return errorCode(error) === 'EROFS'
  }
}
