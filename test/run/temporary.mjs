import { readFileSync, statfsSync } from 'node:fs'
import { freemem } from 'node:os'

const IN_MEMORY = '/dev/shm'
const GIB = 1024 ** 3
/** Upper limit, in bytes, for the temporary files of the tests at a time. */
const ROOM = 4 * GIB
const MEMORY = 8 * GIB
/** The memory limit of the cgroup, which Node 18 of Debian 12 does not report. */
const { availableMemory = freemem } = process

/**
 * Returns the directory for temporary files of tests: TMPDIR if it is set, otherwise a directory in memory if there is
 * enough space, otherwise undefined for the default of the system. Tests create and remove some 100,000 small files, which
 * on a disk takes a sixth of their processor time.
 */
export function temporaryDirectory(env) {
  if (env.TMPDIR) return env.TMPDIR
  return isRoomy(IN_MEMORY) && availableMemory() >= MEMORY ? IN_MEMORY : undefined
}

/** Returns whether programs can be run in the directory, and enough bytes are free. */
function isRoomy(directory) {
  try {
    const { bavail, bsize } = statfsSync(directory)
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n')
    const mount = mounts.map((line) => line.split(' ')).find(([, place]) => place === directory)
    const [, , type, options = ''] = mount ?? []
    return type === 'tmpfs' && !options.split(',').includes('noexec') && bavail * bsize >= ROOM
  } catch {
    return false
  }
}
