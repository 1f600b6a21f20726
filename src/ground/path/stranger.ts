import type { Stats } from 'node:fs'
import { userName } from '../process/passwd.ts'

/**
 * Somebody other than root who could have written the file at a path, or put it there. This matters
 * to root alone: any other process has no more rights than its own user.
 */
export interface Stranger {
  readonly kind: 'user' | 'group' | 'everybody'
  /** The numeric id of the user or group. */
  readonly id: number
  /** The path that the stranger may write to: the file, or a directory on the way to it. */
  readonly where: string
}

const GROUP_WRITES = 0o020
const OTHERS_WRITE = 0o002
const STICKY = 0o1000

/** Whether this process has root's rights, and so has to ask who could have written a file. */
export const runsAsRoot = (): boolean => process.geteuid?.() === 0

/** Returns who else may write to this file or directory. */
export function whoCouldWrite(stats: Stats, where: string): Stranger | undefined {
  if (stats.uid !== 0) return { kind: 'user', id: stats.uid, where }
  if (stats.isSymbolicLink()) return undefined // a link cannot be written to; its mode says nothing
  return sharedWith(stats, where)
}

/**
 * Returns who else could have put `entry` into `directory`. If the directory has the sticky bit,
 * that is the owner of the entry. A file of root's with several names may be a hard link which
 * another user made, so anybody who may write to the directory could have put it there. Directories
 * have no hard links.
 */
export function whoCouldPlace(directory: Stats, entry: Stats, where: string): Stranger | undefined {
  if (directory.uid !== 0) return { kind: 'user', id: directory.uid, where }
  const sharer = sharedWith(directory, where)
  if (sharer === undefined || (directory.mode & STICKY) === 0) return sharer
  if (entry.uid !== 0) return { kind: 'user', id: entry.uid, where }
  return entry.isDirectory() || entry.nlink === 1 ? undefined : sharer
}

/**
 * Returns the group, or everybody, if they may write. The group of root is no exception: with an access
 * list the bits of the group are its mask, and allow others to write (acl(5)).
 */
function sharedWith({ mode, gid }: Stats, where: string): Stranger | undefined {
  if ((mode & OTHERS_WRITE) !== 0) return { kind: 'everybody', id: 0, where }
  return (mode & GROUP_WRITES) !== 0 ? { kind: 'group', id: gid, where } : undefined
}

/** Names the stranger: `user ann`, `the group 1000`, `everybody`. */
export function strangerText({ kind, id }: Stranger): string {
  if (kind === 'everybody') return 'everybody'
  if (kind === 'group' && id === 0) return 'the group 0, or an access list,'
  return kind === 'group' ? `the group ${id}` : `user ${userName(id) ?? id}`
}

/** Says what to do, if root was to obey the file. */
export function remedyFor({ kind, id, where }: Stranger): string {
  if (kind !== 'user') return `run "chmod go-w ${where}" once you have seen what is there`
  const name = userName(id) ?? `#${id}`
  return `run it as that account (runuser -u ${name} -- onescan ...), or give ${where} to root`
}
