import { readFileSync, statfsSync } from 'node:fs'

/**
 * File systems whose files are not stored data. Reading one asks the kernel or a process: it may
 * wait for ever, have no end, or have an effect (statfs(2), Linux's magic.h).
 */
const WITHOUT_FILES: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'proc'],
  [0x62656572, 'sysfs'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
  [0xf97cff8c, 'selinuxfs'],
  [0x27e0eb, 'cgroup'],
  [0x63677270, 'cgroup2'],
  [0xcafe4a11, 'bpf'],
  [0x1cd1, 'devpts'],
  [0x19800202, 'mqueue'],
  [0x62656570, 'configfs'],
  [0x6165676c, 'pstore'],
  [0xde5e81e4, 'efivarfs'],
  [0x42494e4d, 'binfmt_misc'],
])
const FUSE = 0x65735546

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
 * Says why root must not read from the file system of this file; undefined if root may. `fd` may be
 * open with O_PATH.
 */
export function objectionToFileSystem(fd: number): string | undefined {
  // Some runtimes return the number with a sign.
  const type = statfsSync(`/proc/self/fd/${fd}`).type >>> 0
  const name = WITHOUT_FILES.get(type)
  if (name !== undefined) return `is on ${name}, where root reads no files`
  if (type !== FUSE || !isMountedByUser(fd)) return undefined
  return OF_A_USER
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
