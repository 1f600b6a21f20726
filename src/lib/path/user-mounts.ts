import { readFileSync } from 'node:fs'

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

/** The number of the mount that a file is on, as mountinfo has it. O_PATH is enough for the descriptor. */
export function mountOf(fd: number): string | undefined {
  return /^mnt_id:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'))?.[1]
}
