import { closeSync, constants, openSync, writeSync } from 'node:fs'
import { type LogField, logLine } from '../../ground/errors/log.ts'
import { type PathHandle, procPathOf } from '../../ground/path/walk.ts'

/** A file in the quarantine, with a line for each message that was released or deleted. */
const FILE = 'quarantine.log'

/** Notes what somebody did with a message, in the quarantine itself. Throws if it cannot be written. */
export function noteAction(root: PathHandle, entries: readonly LogField[]): void {
  const line = logLine([...entries, ['time', new Date().toISOString()]])
  const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK
  const fd = openSync(`${procPathOf(root)}/${FILE}`, flags, 0o600)
  try {
    writeSync(fd, line)
  } finally {
    closeSync(fd)
  }
}
