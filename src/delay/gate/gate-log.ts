import { type ConnectionEvent, lineOf } from '../shared/log.ts'
import type { LogQueue } from './log-queue.ts'
import type { Visit } from './visit.ts'

/** The log of the gate on standard error (smtp-delay(8), DIAGNOSTICS). */
export interface GateLog {
  /**
   * Logs what happened to a connection, if -v is set. `pid` is the program that got it, if any.
   */
  connection(event: ConnectionEvent, visit: Visit, why: string, pid?: number): void
  /** Logs the code of a reply that refused a client, unless -q is set. */
  refused(visit: Visit, reply: number, why: string): void
  /** Logs trouble of the gate itself, unless -q is set. The same trouble is logged once a minute. */
  trouble(why: string): void
}

/** Milliseconds between two lines about the same trouble. */
const TELL_EVERY = 60_000
/** Most troubles that are remembered; then all are forgotten. */
const TROUBLES_MAX = 100

/** Makes a log that writes its lines to the queue. */
export function createGateLog(
  verbose: boolean,
  quiet: boolean,
  queue: LogQueue,
  uptime: () => number,
): GateLog {
  const loggedAt = new Map<string, number>()
  const tell = (...line: Parameters<typeof lineOf>) => queue.write(lineOf(...line))

  return {
    connection(event, visit, why, pid = process.pid) {
      if (!verbose) return
      const waited = visit.waited.toFixed(1)
      tell(event, pid, ['remote', visit.ip], ['waited_ms', waited], ['reason', why])
    },
    refused(visit, reply, why) {
      if (quiet) return
      tell('refused', process.pid, ['remote', visit.ip], ['reply', reply], ['reason', why])
    },
    trouble(why) {
      if (quiet || uptime() - (loggedAt.get(why) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY) return
      if (loggedAt.size >= TROUBLES_MAX) loggedAt.clear()
      loggedAt.set(why, uptime())
      tell('failed', process.pid, ['reason', why])
    },
  }
}
