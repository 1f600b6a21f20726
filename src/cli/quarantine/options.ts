import { closeSync } from 'node:fs'
import type { Argv } from 'yargs'
import { Fault } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import { userName } from '../../ground/process/passwd.ts'
import { openQuarantine } from '../../scan/quarantine/folders.ts'
import { rootFacts } from '../shared/root-facts.ts'

export interface QuarantineOptions {
  readonly directory: string
}

/** The package's own quarantine. */
const DEFAULT_DIRECTORY = '/var/lib/onescan/quarantine'

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

/** The caller's name or number, for the log. */
export function callerName(): string {
  const caller = rootFacts?.caller ?? process.env.SUDO_USER
  if (caller) return caller
  const uid = process.getuid!()
  return userName(uid) ?? String(uid)
}

/** Calls `use` with the quarantine, which must be of this account, and closes it. */
export async function withQuarantine<Result>(
  { directory }: QuarantineOptions,
  use: (root: PathHandle) => Promise<Result>,
): Promise<Result> {
  if (!directory.startsWith('/')) {
    throw new Fault('config', `--directory ${directory}: must be an absolute path`)
  }
  const root = openQuarantine(directory)
  try {
    return await use(root)
  } finally {
    closeSync(root.fd)
  }
}
