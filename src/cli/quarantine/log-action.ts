import { openLog } from '../../doors/shared/log/log-place.ts'
import { type LogField, logLine } from '../../ground/errors/log.ts'

/**
 * Logs what somebody did with a message in quarantine where the slot would log. A person at a terminal
 * has it from the command itself.
 */
export async function logAction(entries: readonly LogField[]): Promise<void> {
  const { LOGFILE } = process.env
  const log = await openLog(LOGFILE ? { LOGFILE } : { ERROR_FD: '2' })
  log.write(logLine(entries))
}
