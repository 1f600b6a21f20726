import type { Argv } from 'yargs'
import { errorCode, Fault } from '../../../base/errors/fault.ts'
import { TIMED_OUT, withTimeout } from '../../../base/flow/timeout.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { userName } from '../../../base/process/passwd.ts'
import { Desk } from '../../desk/desk.ts'
import type { ActionNote } from '../../desk/note-action.ts'
import { forCommand } from '../../desk/problem.ts'
import { ALL_MAIL } from '../../desk/reader.ts'
import { openQuarantine } from '../../scan/quarantine/folders.ts'
import { caller } from '../command/caller.ts'
import type { Output } from '../command/run-command.ts'

/** Upper limit, in milliseconds, for opening the quarantine. A command of root waits as long as its account works. */
const OPENS_IN = 10_000

/** The package's own quarantine. */
const DEFAULT_DIRECTORY = '/var/lib/onescan/quarantine'

export function addDirectoryOption<Options>(yargs: Argv<Options>) {
  return yargs.option('directory', {
    type: 'string',
    requiresArg: true,
    default: process.env.QUARANTINE || DEFAULT_DIRECTORY,
    defaultDescription: `QUARANTINE, else ${DEFAULT_DIRECTORY}`,
    describe: 'The quarantine',
  })
}

/** Calls `use` with the quarantine, which must be of this account, and closes it. */
export async function withQuarantine<Result>(
  directory: string,
  use: (root: PathHandle) => Promise<Result>,
): Promise<Result> {
  if (!directory.startsWith('/')) {
    throw new Fault('config', `--directory ${directory}: must be an absolute path`)
  }
  const opened = openQuarantine(directory).catch((error: Error) => {
    const isOwn = [process.env.QUARANTINE, DEFAULT_DIRECTORY].includes(directory)
    if (caller === undefined || isOwn || errorCode(error.cause) !== 'ENOENT') throw error
    // Its unit does not see every directory: another account may have this one.
    const reason = 'is not visible to onescand; if another account owns it, add --user ACCOUNT'
    throw new Fault('config', `--directory ${directory}: ${reason}`, error)
  })
  const root = await withTimeout(opened, OPENS_IN)
  if (root === TIMED_OUT)
    throw new Fault('config', `--directory ${directory}: its file system does not answer; check it`)
  try {
    return await use(root)
  } finally {
    root.close()
  }
}

/** Calls `use` with the quarantine of a command. What it rejects with has the remedy for the user of a command. */
export function atDesk<Result>(
  directory: string,
  use: (desk: Desk) => Promise<Result>,
): Promise<Result> {
  return withQuarantine(directory, async (root) => {
    try {
      return await use(await Desk.open(root, ALL_MAIL))
    } catch (error) {
      throw forCommand(error)
    }
  })
}

/** Notes the actions of a command as those of its user: the caller's name or number. */
export function noteOf(output: Output): ActionNote {
  const uid = process.getuid!()
  const who = caller || process.env.SUDO_USER || (userName(uid) ?? String(uid))
  return { who, isOverHttp: false, error: (text) => output.error(text) }
}
