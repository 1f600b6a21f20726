import { closeSync, writeSync } from 'node:fs'
import { attempt } from '../../base/errors/fault.ts'
import { LogQueue, type LogState, standardError } from '../../base/log/log-queue.ts'
import { appendInThread, openToAppend } from '../../base/path/open.ts'

/** Takes lines for a log. A line that cannot be written is dropped, for no mail fails for its log. */
export interface LogSink {
  /** Writes a line of onescan's, with its line end. */
  write(line: Buffer): void
  /** Writes a line of a scanner. These lines precede the line about the message. */
  relay(line: string): void
}

/** LOGFILE, and what appends a line to it. */
interface AppendedFile {
  readonly file: string
  readonly append: (line: Buffer) => void
}

/**
 * Opens the log of a process that ends with its message: LOGFILE, or descriptor 2. Each line is one write.
 * (This does not use process.stderr, which would change the flags of a shared pipe. So a write blocks if the
 * pipe is full and blocking.)
 */
export function openSlotLog(place?: AppendedFile): LogSink {
  const put = place?.append ?? ((line: Buffer) => void writeSync(2, line))
  // The pipe may be full (EAGAIN), descriptor 2 closed, or LOGFILE impossible to open.
  return sinkOf(place?.file, (line) => attempt(() => put(line)))
}

/** The log of a process that lasts. */
interface DaemonLogSink extends LogSink {
  readonly state: LogState
  /** Resolves when all lines are written, or after 5 seconds. */
  flush(): Promise<void>
}

/** Opens the log of a process that lasts: LOGFILE, or descriptor 2. It waits for neither. */
export function openDaemonLog(file: string | undefined): DaemonLogSink {
  const queue = file
    ? new LogQueue({
        inThread: (take) => appendInThread(file, take),
        now: (bytes) => append(file, bytes),
      })
    : standardError
  return {
    ...sinkOf(file, (line) => queue.write(line)),
    get state() {
      return queue.state
    },
    flush: () => queue.flush(),
  }
}

function sinkOf(file: string | undefined, put: (line: Buffer) => void): LogSink {
  return {
    write: (line) => put(file ? withTime(line, new Date()) : line),
    relay: (line) => put(Buffer.from(line)),
  }
}

/**
 * Adds the time to a line, as its last field. Without it, a file would have no times. multilog(8) or the
 * journal adds times to lines from a pipe. src/scanner/log/parsed-line.ts reads the field, and src/c/onescanc/log.c
 * writes the same one.
 */
function withTime(line: Buffer, now: Date): Buffer {
  return Buffer.concat([line.subarray(0, -1), Buffer.from(` time=${now.toISOString()}\n`)])
}

/** Opens LOGFILE and appends a line to it. */
export function append(file: string, line: Buffer): void {
  const fd = openToAppend(file)
  try {
    writeSync(fd, line)
  } finally {
    closeSync(fd)
  }
}
