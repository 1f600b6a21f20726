import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { error, type Finding } from '../../../ground/errors/finding.ts'

/** The settings that name a directory in which onescand writes. */
const WRITTEN = ['QUARANTINE', 'TMPDIR', 'SPOOLDIR'] as const

/**
 * Checks whether the directories in which an onescand writes are on a file system that it sees as
 * read-only, as under ProtectSystem= of a unit: proc_pid_mountinfo(5) of its process says so.
 */
export function checkReadOnly(
  what: string,
  pid: string,
  env: Readonly<Record<string, string>>,
  processes: string,
): Finding[] {
  const mounts = mountsIn(readOr(join(processes, pid, 'mountinfo')))
  return WRITTEN.flatMap((name) => {
    const directory = env[name]
    if (!directory?.startsWith('/') || !isReadOnly(directory, mounts)) return []
    const value = `cannot write ${name} ${directory}: it is read-only for this process`
    const remedy = `"systemctl edit onescand" with ReadWritePaths=${directory} in [Service], and restart it`
    return [error(what, value, remedy)]
  })
}

interface Mount {
  readonly place: string
  readonly isReadOnly: boolean
}

/** Lines `36 35 98:0 /root /place rw,noatime … - ext4 /dev/root rw`, in the order of mounting. */
function mountsIn(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const [, , , , place, options] = line.split(' ')
    const ofFileSystem = line.split(' - ')[1]?.split(' ')[2]
    if (place === undefined || options === undefined) return []
    const isReadOnly = [options, ofFileSystem].some((list) => list?.split(',').includes('ro'))
    const plain = place.replace(/\\([0-7]{3})/g, (_, octal) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    )
    return [{ place: plain, isReadOnly }]
  })
}

/** By the mount that lies deepest above the directory; of several at a place the last one counts. */
function isReadOnly(directory: string, mounts: readonly Mount[]): boolean {
  const above = mounts.filter(({ place }) =>
    `${directory}/`.startsWith(place === '/' ? '/' : `${place}/`),
  )
  const deepest = Math.max(...above.map(({ place }) => place.length))
  return above.findLast(({ place }) => place.length === deepest)?.isReadOnly ?? false
}

function readOr(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // it has ended, or only root may read it
  }
}
