import { readFileSync, statfsSync } from 'node:fs'
import { freemem } from 'node:os'

const IN_MEMORY = '/dev/shm'
const GIB = 1024 ** 3
/** What the tests write at a time is below a gibibyte. */
const ROOM = 4 * GIB
const MEMORY = 8 * GIB
/** Node 18, of Debian 12, does not know the limit of a cgroup. */
const { availableMemory = freemem } = process

/**
 * Where tests put their temporary files: TMPDIR if it is set, else in memory if there is room, else
 * undefined for the system's own place. Tests make and remove some hundred thousand small files,
 * and a disk takes a sixth of their processor time for that.
 */
export function temporaryDirectory(env) {
  if (env.TMPDIR) return env.TMPDIR
  return isRoomy(IN_MEMORY) && availableMemory() >= MEMORY ? IN_MEMORY : undefined
}

/** Whether programs can be run there, and enough bytes are free. */
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
