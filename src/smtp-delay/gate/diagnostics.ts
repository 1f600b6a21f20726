import type { TcpSockets } from '../../runtime/tcp-sockets.ts'
import { type Event, log } from '../shared/log.ts'
import type { Visit } from './visit.ts'

/** Lines of the gate on standard error, smtp-delay(8), DIAGNOSTICS. */
export interface Teller {
  /** What became of a connection; only if -v asks for it. `pid` is that of the program that got it. */
  became(event: Event, visit: Visit, why: string, pid?: number): void
  /** A client that was refused, with the reply that it got. */
  refused(visit: Visit, reply: number, why: string): void
  /** Something is wrong here; -q keeps it quiet. The same is told once in a minute. */
  trouble(why: string): void
}

/** Milliseconds between two lines about the same trouble. */
const TELL_EVERY = 60_000
/** Troubles that are remembered; more are about clients. */
const TROUBLES_MAX = 100
const STDERR = 2

/** A line is dropped if the log would make the gate wait for it. */
export function createTeller(
  verbose: boolean,
  quiet: boolean,
  sockets: Pick<TcpSockets, 'canTake'>,
  uptime: () => number,
): Teller {
  const told = new Map<string, number>()

  function tell(...line: Parameters<typeof log>): void {
    if (sockets.canTake(STDERR)) log(...line)
  }

  return {
    became(event, visit, why, pid = process.pid) {
      if (!verbose) return
      const waited = visit.waited.toFixed(1)
      tell(event, pid, ['remote', visit.ip], ['waited_ms', waited], ['reason', why])
    },
    refused(visit, reply, why) {
      if (quiet) return
      tell('refused', process.pid, ['remote', visit.ip], ['reply', reply], ['reason', why])
    },
    trouble(why) {
      if (quiet || uptime() - (told.get(why) ?? Number.NEGATIVE_INFINITY) < TELL_EVERY) return
      if (told.size >= TROUBLES_MAX) told.clear()
      told.set(why, uptime())
      tell('failed', process.pid, ['reason', why])
    },
  }
}
