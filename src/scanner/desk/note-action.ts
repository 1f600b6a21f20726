import { errorText } from '../../base/errors/fault.ts'
import { type LogField, logLine } from '../../base/log/line-format.ts'
import type { PathHandle } from '../../base/path/path-handle.ts'
import { openSlotLog } from '../log/log-sink.ts'
import { openLog } from '../log/open-log.ts'
import { appendIn } from '../scan/quarantine/files.ts'

/** A file in the quarantine, with a line for each message that was released or deleted. */
export const QUARANTINE_LOG = 'quarantine.log'

/** Whose action is noted, and the place for errors that undo nothing. */
export interface ActionNote {
  /** The person of a token with the client's address, or the user who typed the command. */
  readonly who: string
  /** Whether the person asked over HTTP. onescand runs this process then. */
  readonly isOverHttp: boolean
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
  const noted: readonly LogField[] = [...fields, ['who', note.who]]
  try {
    await appendIn(root, QUARANTINE_LOG, logLine([...noted, ['time', new Date().toISOString()]]))
  } catch (error) {
    note.error(errorText(error))
  }
  await logAction(noted, note.isOverHttp)
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
