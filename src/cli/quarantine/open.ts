import { closeSync } from 'node:fs'
import type { Argv } from 'yargs'
import { Fault } from '../../ground/errors/fault.ts'
import { type PathHandle, withPath } from '../../ground/path/walk.ts'
import { userName } from '../../ground/process/passwd.ts'
import { openQuarantine } from '../../quarantine/folders.ts'

export interface QuarantineOptions {
  readonly directory: string
}

/** The package's own quarantine. */
export const DEFAULT_DIRECTORY = '/var/lib/onescan/quarantine'

export function addDirectoryOption<Options>(
  yargs: Argv<Options>,
): Argv<Options & { directory: string }> {
  return yargs.option('directory', {
    type: 'string',
    requiresArg: true,
    default: process.env.QUARANTINE || DEFAULT_DIRECTORY,
    defaultDescription: `QUARANTINE, else ${DEFAULT_DIRECTORY}`,
    describe: 'The quarantine',
  })
}

/**
 * Opens the quarantine for `use`, as the account that it belongs to. Root becomes that account for
 * good, so that its user cannot lead root anywhere. Throws a Fault if the quarantine cannot be
 * used.
 */
export async function withQuarantine<Result>(
  directory: string,
  use: (root: PathHandle) => Promise<Result>,
): Promise<Result> {
  if (!directory.startsWith('/')) {
    throw new Fault('config', `--directory ${directory}: must be an absolute path`)
  }
  if (process.geteuid!() === 0) becomeOwner(directory)
  const root = openQuarantine(directory)
  try {
    return await use(root)
  } finally {
    closeSync(root.fd)
  }
}

function becomeOwner(directory: string): void {
  const { uid, gid } = withPath(directory, ({ stats }) => stats)
  if (uid === 0) return
  process.setgroups!([])
  process.setgid!(gid)
  process.setuid!(uid)
}

/** The caller's name or number, for the log. Call this before root becomes another user. */
export function callerName(): string {
  const { SUDO_USER } = process.env
  if (SUDO_USER) return SUDO_USER
  const uid = process.getuid!()
  return userName(uid) ?? String(uid)
}
