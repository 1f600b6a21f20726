import type { Argv } from 'yargs'
import { errorCode, errorText, Fault } from '../../../../base/errors/fault.ts'
import { TIMED_OUT, withTimeout } from '../../../../base/flow/timeout.ts'
import { type LogField, logLine } from '../../../../base/log/line-format.ts'
import type { PathHandle } from '../../../../base/path/path-handle.ts'
import { userName } from '../../../../base/process/passwd.ts'
import { openSlotLog } from '../../../log/log-sink.ts'
import { openLog } from '../../../log/open-log.ts'
import { appendIn } from '../../../scan/quarantine/files.ts'
import { openQuarantine } from '../../../scan/quarantine/folders.ts'
import { caller } from '../../command/caller.ts'

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

/** A file in the quarantine, with a line for each message that was released or deleted. */
export const QUARANTINE_LOG = 'quarantine.log'

/** Whose action is noted, and the place for errors that undo nothing. */
export interface ActionNote {
  /** The person who asked over HTTP, or undefined for the user who typed the command. */
  readonly who?: string
  error(text: string): void
}

/**
 * Notes an action on a message, and the user who did it: in the quarantine itself, and in the log of
 * onescan-queue. A failure to write this is reported, and undoes nothing. A person at a terminal gets the
 * information from the command itself.
 */
export async function noteAction(
  root: PathHandle,
  fields: readonly LogField[],
  note: ActionNote,
): Promise<void> {
  const noted: readonly LogField[] = [...fields, ['who', actorOf(note)]]
  try {
    await appendIn(root, QUARANTINE_LOG, logLine([...noted, ['time', new Date().toISOString()]]))
  } catch (error) {
    note.error(errorText(error))
  }
  await logAction(noted, note.who !== undefined)
}

/**
 * Writes a line about an action to LOGFILE. Without it, the line goes to syslog or, if onescand runs this command, to
 * standard error, which onescand shares with it.
 */
export async function logAction(
  fields: readonly LogField[],
  isForOnescand: boolean,
): Promise<void> {
  const { LOGFILE } = process.env
  const log =
    LOGFILE === undefined && isForOnescand
      ? openSlotLog()
      : await openLog(LOGFILE ? { LOGFILE } : { ERROR_FD: '2' })
  log.write(logLine(fields))
}

/** Who acts: the person who asked over HTTP, or the caller's name or number. */
export function actorOf(note: ActionNote): string {
  const who = note.who ?? caller ?? process.env.SUDO_USER
  if (who) return who
  const uid = process.getuid!()
  return userName(uid) ?? String(uid)
}
