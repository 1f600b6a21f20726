import { tmpdir } from 'node:os'
import { Fault } from '../fault.ts'
import type { Environment } from '../settings/settings.ts'

/** Where messages are kept while they are looked at. */
export interface SpoolPolicy {
  /** For anonymous files: TMPDIR or the system's directory for temporary files. */
  readonly directory: string
  /** For files that a scanner opens by path: SPOOLDIR, which must exist; unset: a fresh private directory. */
  readonly sharedDirectory: string | undefined
}

export function readSpoolPolicy(env: Environment): SpoolPolicy {
  const shared = env.SPOOLDIR || undefined
  if (shared !== undefined && !shared.startsWith('/')) {
    throw new Fault('config', `SPOOLDIR ${shared}: must be an absolute path`)
  }
  return { directory: env.TMPDIR || tmpdir(), sharedDirectory: shared }
}
