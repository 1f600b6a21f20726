import { tmpdir } from 'node:os'
import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import { leadsSomewhere, withPath } from '../../ground/path/walk.ts'
import type { Environment } from '../../ground/settings/settings.ts'

/** The directories in which messages are kept while they are judged. */
export interface SpoolPolicy {
  /** The directory for files without a name: TMPDIR, or the system's directory for temporary files. */
  readonly directory: string
  /**
   * The directory for files that a scanner opens by path: SPOOLDIR, which must exist. Undefined stands
   * for a fresh private directory.
   */
  readonly sharedDirectory: string | undefined
  /** A line for the log if SPOOLDIR is set and not used. */
  readonly remark?: string | undefined
}

/** Reads TMPDIR and SPOOLDIR. Throws a Fault of kind `config`. */
export function readSpoolPolicy(env: Environment): SpoolPolicy {
  const shared = env.SPOOLDIR || undefined
  if (shared !== undefined && !shared.startsWith('/')) {
    throw new Fault('config', `SPOOLDIR ${shared}: must be an absolute path`)
  }
  const directory = env.TMPDIR || tmpdir()
  try {
    leadsSomewhere(directory) // else root may wait there
  } catch (error) {
    throw new Fault('config', `TMPDIR ${errorText(error)}`, error)
  }
  const remark = shared && objectionTo(shared)
  return { directory, sharedDirectory: remark ? undefined : shared, remark }
}

const OTHERS_WRITE = 0o022
const STICKY = 0o1000

/**
 * Tells why a directory is not safe for files that scanners open by name: without the sticky bit,
 * anybody who may write to it can replace an infected file by a clean one (unlink(2), sticky(7)).
 */
function objectionTo(directory: string): string | undefined {
  let mode: number
  try {
    mode = withPath(directory, ({ stats }) => stats.mode)
  } catch (error) {
    if (errorCode(error)) return undefined // the error of making a file there tells why
    return `SPOOLDIR ${directory}: not used, ${errorText(error)}`
  }
  if ((mode & OTHERS_WRITE) === 0 || (mode & STICKY) !== 0) return undefined
  const octal = `0${(mode & 0o7777).toString(8)}`
  return `SPOOLDIR ${directory}: not used, mode ${octal} lets others replace files; chmod +t it`
}
