import type { Argv } from 'yargs'
import { userName } from '../../ground/process/passwd.ts'

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
  const { SUDO_USER } = process.env
  if (SUDO_USER) return SUDO_USER
  const uid = process.getuid!()
  return userName(uid) ?? String(uid)
}
