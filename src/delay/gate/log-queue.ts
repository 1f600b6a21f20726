import type { TcpSockets } from '../../ground/net/tcp-sockets.ts'
import { lineOf, writeLine } from '../shared/log.ts'

/** A queue of lines for standard error. No caller waits until its line is written. */
export interface LogQueue {
  write(line: Buffer): void
  /** Writes the lines that are left, and waits a little if standard error takes none. */
  end(): void
}

/** Most lines that are kept while standard error takes none. Further lines are lost, and counted. */
export const LINES_MAX = 10_000
/** Milliseconds between two attempts to write. */
const TRY_EVERY = 20
/** Milliseconds for which each of the last lines may wait. */
const LAST_PATIENCE = 100
const STDERR = 2

/** Writes a line only when there is room for it, so that a log that hangs does not stop the gate. */
export function createLogQueue(sockets: Pick<TcpSockets, 'canTake'>): LogQueue {
  let lines: Buffer[] = []
  let lost = 0
  let isTrying = false

  function flush(patience: number): void {
    let written = 0
    while (written < lines.length && sockets.canTake(STDERR, patience)) writeLine(lines[written++]!)
    lines = lines.slice(written)
    if (lines.length > 0 || lost === 0) return
    const reason = `standard error: took nothing for a while; ${lost} lines are lost`
    lost = 0
    lines.push(lineOf('failed', process.pid, ['reason', reason]))
  }

  function tryLater(): void {
    if (isTrying) return
    isTrying = true
    setTimeout(() => {
      isTrying = false
      flush(0)
      if (lines.length > 0) tryLater()
    }, TRY_EVERY)
  }

  return {
    write(line) {
      if (lines.length >= LINES_MAX) lost++
      else lines.push(line)
      if (!isTrying) flush(0)
      if (lines.length > 0) tryLater()
    },
    end: () => flush(LAST_PATIENCE),
  }
}
