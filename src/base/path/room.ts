import { statfsSync } from 'node:fs'

/** f_type of statfs(2). */
const TMPFS = 0x01021994

/** The room for users other than root on the file system of a directory, in bytes and in files. Throws as statfs(2) fails. */
export function roomIn(directory: string) {
  const { type, bsize, blocks, bavail, files, ffree } = statfsSync(directory)
  const newFiles = files === 0 ? Number.POSITIVE_INFINITY : ffree // btrfs has no limit
  return { free: bavail * bsize, size: blocks * bsize, isTmpfs: type === TMPFS, newFiles }
}
