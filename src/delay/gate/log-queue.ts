import type { TcpSockets } from '../../ground/net/tcp-sockets.ts'
import { lineOf, writeLine } from '../shared/log.ts'

/** Lines for standard error; nobody waits until they are written. */
export interface LogQueue {
  write(line: Buffer): void
  /** Writes what is left, and waits a little for whoever reads it. */
  end(): void
}

/** Most lines that are kept while standard error takes none; further ones are lost, and counted. */
export const LINES_MAX = 10_000
/** Milliseconds after which it is tried again. */
const TRY_EVERY = 20
/** Milliseconds that the last lines may wait, each. */
const LAST_PATIENCE = 100
const STDERR = 2

/**
 * A log that stands still must not stop the gate, so a line is written only when there is room for
 * it.
 */
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
