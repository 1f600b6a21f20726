import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { openLog } from '../../doors/shared/log/log-place.ts'
import { errorText } from '../../ground/errors/fault.ts'
import { type LogField, logLine } from '../../ground/errors/log.ts'
import { type PathHandle, procPathOf } from '../../ground/path/walk.ts'
import type { Output } from '../shared/run-command.ts'

/** A file in the quarantine, with a line for each message that was released or deleted. */
const FILE = 'quarantine.log'

/**
 * Notes what somebody did with a message: in the quarantine itself, and where the slot would log. That this
 * cannot be written is told, and undoes nothing. A person at a terminal has it from the command itself.
 */
export async function noteAction(
  root: PathHandle,
  entries: readonly LogField[],
  output: Output,
): Promise<void> {
  try {
    appendTo(root, logLine([...entries, ['time', new Date().toISOString()]]))
  } catch (error) {
    output.error(`${FILE}: ${errorText(error)}`)
  }
  const { LOGFILE } = process.env
  const log = await openLog(LOGFILE ? { LOGFILE } : { ERROR_FD: '2' })
  log.write(logLine(entries))
}

function appendTo(root: PathHandle, line: Buffer): void {
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK
  const fd = openSync(`${procPathOf(root)}/${FILE}`, flags, 0o600)
  try {
    writeSync(fd, line)
  } finally {
    closeSync(fd)
  }
}
