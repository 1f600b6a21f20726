import { readFileSync, type Stats } from 'node:fs'
import { userName } from '../process/passwd.ts'
import { shellWord } from '../text/shell-word.ts'

const GROUP_WRITES = 0o020
const OTHERS_WRITE = 0o002
const STICKY = 0o1000

/**
 * Returns whether a user other than the owner may replace files in a directory of this mode: it is writable
 * for others, and lacks the sticky bit (unlink(2), sticky(7)).
 */
export const letsOthersReplace = (mode: number): boolean =>
  (mode & (GROUP_WRITES | OTHERS_WRITE)) !== 0 && (mode & STICKY) === 0

/** Returns whether this process has root's rights, and so must check who could have written a file. */
export const runsAsRoot = (): boolean => process.geteuid?.() === 0

/**
 * A user or group other than root that could have written the file at a path, or put it there. This matters
 * to root alone: any other process has no more rights than its own user.
 */
export class UntrustedWriter {
  readonly #kind: 'user' | 'group' | 'everybody'
  readonly #id: number
  /** The path that this user can write to: the file, or a directory in its path. */
  readonly where: string

  private constructor(kind: 'user' | 'group' | 'everybody', id: number, where: string) {
    this.#kind = kind
    this.#id = id
    this.where = where
  }

  /** Returns who else may write to this file or directory, or undefined if there is no such user. */
  static whoCouldWrite(stats: Stats, where: string): UntrustedWriter | undefined {
    if (stats.uid !== 0) return new UntrustedWriter('user', stats.uid, where)
    if (stats.isSymbolicLink()) return undefined // a link cannot be written to. Its mode has no meaning
    return UntrustedWriter.#sharedWith(stats, where)
  }

  /**
   * Returns who else could have put `entry` into `directory`, or undefined if no other user could. If the
   * directory has the sticky bit, only the owner of the entry could. A file that root owns and that has several
   * names may be another user's hard link, so every user with write access to the directory could have put it
   * there. Directories have no hard links.
   */
  static whoCouldPlace(directory: Stats, entry: Stats, where: string): UntrustedWriter | undefined {
    if (directory.uid !== 0) return new UntrustedWriter('user', directory.uid, where)
    const sharer = UntrustedWriter.#sharedWith(directory, where)
    if (sharer === undefined || (directory.mode & STICKY) === 0) return sharer
    if (entry.uid !== 0) return new UntrustedWriter('user', entry.uid, where)
    return entry.isDirectory() || entry.nlink === 1 ? undefined : sharer
  }

  /**
   * Returns the group, or everybody, if they may write. This also holds for root's group: with an access list
   * the bits of the group are its mask, and allow others to write (acl(5)).
   */
  static #sharedWith({ mode, gid }: Stats, where: string): UntrustedWriter | undefined {
    if ((mode & OTHERS_WRITE) !== 0) return new UntrustedWriter('everybody', 0, where)
    return (mode & GROUP_WRITES) !== 0 ? new UntrustedWriter('group', gid, where) : undefined
  }

  /** Returns whether the file can be the writer's own: of that user, or of any user except root. */
  mayOwn({ uid }: Stats): boolean {
    return this.#kind === 'user' ? uid === this.#id : uid !== 0
  }

  /** Names the writer: `user ann`, `the group 1000`, `everybody`. */
  get text(): string {
    if (this.#kind === 'everybody') return 'everybody'
    if (this.#kind === 'user') return `user ${userName(this.#id) ?? this.#id}`
    return this.#id === 0 ? 'the group 0, or an ACL,' : `the group ${this.#id}`
  }

  /** Reports what to do, if root was to obey the file. */
  get remedy(): string {
    if (this.#kind !== 'user') {
      return `run "chmod go-w ${shellWord(this.where)}" after you have checked what is there`
    }
    const name = userName(this.#id) ?? `#${this.#id}`
    return `run it as that account (runuser -u ${name} -- onescan ...), or give ${this.where} to root`
  }
}

export const OF_USER = "is on a user's own file system (FUSE), which could keep root waiting"

/**
 * Returns whether root must not access anything on a mount, because another user mounted it. The mount option
 * user_id names that user, proc_pid_mountinfo(5). For virtiofs and root's own mounts it is 0 or missing.
 * Reads proc(5) alone: fstat(2) and statfs(2) would wait for a file system that the user controls.
 */
export function isOfUser(mount: string | undefined): boolean {
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
  const line = lines.find((row) => row.startsWith(`${mount} `))
  // Only the last field cannot be chosen by a user: a directory may be named `a,user_id=0`.
  const options = line?.split(' ').at(-1)?.split(',')
  const user = options?.find((option) => option.startsWith('user_id='))
  return line === undefined || (user !== undefined && user !== 'user_id=0')
}
