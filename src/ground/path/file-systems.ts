import { readFileSync } from 'node:fs'

const OF_A_USER = "is on a user's own file system (FUSE), which could keep root waiting"

/**
 * Says why root must not even look at what a directory has under a name, because a user mounted it there;
 * undefined if root may. Both may be open with O_PATH. Asks proc(5) alone: fstat(2) and statfs(2) would
 * wait for the answer of that user.
 */
export function objectionToMount(directory: number, fd: number): string | undefined {
  return mountOf(directory) !== mountOf(fd) && isMountedByUser(fd) ? OF_A_USER : undefined
}

/**
 * Whether a user other than root mounted the file system: the option user_id says so,
 * proc_pid_mountinfo(5). For virtiofs and root's own mounts the option is 0 or missing.
 */
function isMountedByUser(fd: number): boolean {
  const id = mountOf(fd)
  const lines = readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
  const line = lines.find((row) => row.startsWith(`${id} `))
  const [, user] = /[ ,]user_id=(\d+)/.exec(line ?? '') ?? []
  return line === undefined || (user !== undefined && user !== '0')
}

/** The number of the mount that a file is on, as mountinfo has it. */
function mountOf(fd: number): string | undefined {
  return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]
}
