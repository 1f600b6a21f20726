import { closeSync, writeSync } from 'node:fs'
import { openToAppend } from '../../../ground/path/write.ts'

/**
 * Where lines go. What cannot be written is dropped, for mail must not wait for a log; one
 * write a line. (Not process.stderr: it would change the shared pipe's flags.)
 */
export interface LogSink {
  /** A line of ours, its end included. */
  write(line: Buffer): void
  /** A line of a scanner's, before ours about the message. */
  relay(line: string): void
}

/** For a program whose fd 2 is always its log. */
export function openDaemonLog(file: string | undefined): LogSink {
  const put = (line: Buffer) => {
    try {
      if (file) append(file, line)
      else writeSync(2, line)
    } catch {
      // A full pipe (EAGAIN), a closed fd 2, a LOGFILE that cannot be opened.
    }
  }
  return {
    write: (line) => put(file ? withTime(line, new Date()) : line),
    relay: (line) => put(Buffer.from(line)),
  }
}

/**
 * A file has nobody who puts times before lines, as multilog(8) and the journal do: the last
 * field says when. src/observe/log/line-head.ts reads it, and src/c/onescanc/log.c writes the same.
 */
function withTime(line: Buffer, now: Date): Buffer {
  return Buffer.concat([line.subarray(0, -1), Buffer.from(` time=${now.toISOString()}\n`)])
}

function append(file: string, line: Buffer): void {
  const fd = openToAppend(file)
  try {
    writeSync(fd, line)
  } finally {
    closeSync(fd)
  }
}
