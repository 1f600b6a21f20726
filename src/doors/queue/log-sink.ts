import { closeSync, openSync, writeSync } from 'node:fs'
import type { Environment } from '../../settings/settings.ts'

/**
 * Where log lines go: LOGFILE, else fd 2, unless that is the pipe for replies.
 * One write a line; what cannot be written is dropped, for mail must not wait for a
 * log. (Not process.stderr: it would change the shared pipe's flags.)
 */
export function openLog(env: Environment): (line: Buffer) => void {
  const file = env.LOGFILE
  const fdTwoIsForReplies = env.ERROR_FD === '2'
  return (line) => {
    try {
      if (file) append(file, line)
      else if (!fdTwoIsForReplies) writeSync(2, line)
    } catch {
      // A full pipe (EAGAIN), a closed fd 2, a LOGFILE that cannot be opened.
    }
  }
}

function append(file: string, line: Buffer): void {
  const fd = openSync(file, 'a', 0o640)
  try {
    writeSync(fd, line)
  } finally {
    closeSync(fd)
  }
}
