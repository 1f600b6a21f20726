import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { openLog } from '../../doors/shared/log/log-place.ts'
import { type LogField, logLine } from '../../ground/errors/log.ts'
import { type PathHandle, procPathOf } from '../../ground/path/walk.ts'

/** A file in the quarantine, with a line for each message that was released or deleted. */
const FILE = 'quarantine.log'

/**
 * Logs what somebody did with a message in quarantine: where the slot would log, and in the file
 * `quarantine.log` in the quarantine itself.
 */
export async function logAction(root: PathHandle, entries: readonly LogField[]): Promise<void> {
  const line = logLine([...entries, ['time', new Date().toISOString()]])
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants
  const fd = openSync(
    `${procPathOf(root)}/${FILE}`,
    O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW,
    0o600,
  )
  try {
    writeSync(fd, line)
  } finally {
    closeSync(fd)
  }
  // A person at a terminal has it from the command itself.
  const { LOGFILE } = process.env
  const log = await openLog(LOGFILE ? { LOGFILE } : { ERROR_FD: '2' })
  log.write(logLine(entries))
}
