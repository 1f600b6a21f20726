import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { Fault } from '../ground/errors/fault.ts'
import type { Environment } from '../ground/settings/settings.ts'

/** Where messages are kept while they are looked at. */
export interface SpoolPolicy {
  /** For anonymous files: TMPDIR or the system's directory for temporary files. */
  readonly directory: string
  /** For files that a scanner opens by path: SPOOLDIR, which must exist; unset: a fresh private directory. */
  readonly sharedDirectory: string | undefined
  /** Why SPOOLDIR is not used although it is set; a line for the log. */
  readonly remark?: string | undefined
}

export function readSpoolPolicy(env: Environment): SpoolPolicy {
  const shared = env.SPOOLDIR || undefined
  if (shared !== undefined && !shared.startsWith('/')) {
    throw new Fault('config', `SPOOLDIR ${shared}: must be an absolute path`)
  }
  const directory = env.TMPDIR || tmpdir()
  const remark = shared && objectionTo(shared)
  return { directory, sharedDirectory: remark ? undefined : shared, remark }
}

const OTHERS_WRITE = 0o022
const STICKY = 0o1000

/**
 * In a directory without the sticky bit anybody who may write to it can replace an infected file by
 * a clean one, and scanners open files by name (unlink(2), sticky(7)).
 */
function objectionTo(directory: string): string | undefined {
  let mode: number
  try {
    mode = statSync(directory).mode
  } catch {
    return undefined // making a file there says why it cannot be used
  }
  if ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0) return undefined
  const octal = `0${(mode & 0o7777).toString(8)}`
  return `SPOOLDIR ${directory}: not used, mode ${octal} lets others replace files; chmod +t it`
}
