import type { System } from '../../lib/runtime/system.ts'
import { type ConnectionEvent, lineOf, writeLine } from '../connection/connection-log.ts'
import type { GateConnection } from './gate-connection.ts'

/** Milliseconds between two lines about the same trouble. */
const TELL_EVERY = 60_000
/** Upper limit for the stored faults. Then all are deleted. */
const TROUBLES_MAX = 100

interface GateLogOptions {
  /** -v: what happens to connections is logged. */
  readonly verbose: boolean
  /** -q: refusals and trouble are not logged. */
  readonly quiet: boolean
  readonly system: Pick<System, 'awaitRoom'>
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
}

/** The log of the gate on standard error (smtp-delay(8), DIAGNOSTICS). No connection waits for it. */
export class GateLog {
  readonly #options: GateLogOptions
  readonly #queue: LineQueue
  readonly #loggedAt = new Map<string, number>()

  constructor(options: GateLogOptions) {
    this.#options = options
    this.#queue = new LineQueue(options.system)
  }

  /**
   * Logs what happened to a connection, if -v is set. `pid` is the program that got it, if any.
   */
  about(event: ConnectionEvent, connection: GateConnection, why: string, pid = process.pid): void {
    if (!this.#options.verbose) return
    const waited = connection.waited.toFixed(1)
    this.#write(event, pid, ['remote', connection.ip], ['waited_ms', waited], ['reason', why])
  }

  /** Logs the code of a reply that refused a client, unless -q is set. */
  refused(connection: GateConnection, reply: number, why: string): void {
    if (this.#options.quiet) return
    this.#write(
      'refused',
      process.pid,
      ['remote', connection.ip],
      ['reply', reply],
      ['reason', why],
    )
  }

  /** Logs trouble of the gate itself, unless -q is set. The same trouble is logged once a minute. */
  trouble(why: string): void {
    const { quiet, uptime } = this.#options
    const before = this.#loggedAt.get(why) ?? Number.NEGATIVE_INFINITY
    if (quiet || uptime() - before < TELL_EVERY) return
    if (this.#loggedAt.size >= TROUBLES_MAX) this.#loggedAt.clear()
    this.#loggedAt.set(why, uptime())
    this.#write('failed', process.pid, ['reason', why])
  }

  /** Writes the remaining lines, and waits a little if standard error accepts none. */
  end(): void {
    this.#queue.end()
  }

  #write(...line: Parameters<typeof lineOf>): void {
    this.#queue.write(lineOf(...line))
  }
}

/** Upper limit for the lines kept while standard error accepts none. Further lines are lost, and counted. */
const LINES_MAX = 10_000
/** Milliseconds between two attempts to write. */
const TRY_EVERY = 20
/** Milliseconds for which each of the last lines may wait. */
const LAST_FLUSH_TIMEOUT = 100
const STDERR = 2

/**
 * Lines for standard error. Each is written only when there is room for it, so that a log that hangs
 * does not stop the gate.
 */
class LineQueue {
  readonly #system: Pick<System, 'awaitRoom'>
  #lines: Buffer[] = []
  #lost = 0
  #isTrying = false

  constructor(system: Pick<System, 'awaitRoom'>) {
    this.#system = system
  }

  write(line: Buffer): void {
    if (this.#lines.length >= LINES_MAX) this.#lost++
    else this.#lines.push(line)
    if (!this.#isTrying) this.#flush(0)
    if (this.#lines.length > 0) this.#tryLater()
  }

  end(): void {
    this.#flush(LAST_FLUSH_TIMEOUT)
  }

  #flush(timeout: number): void {
    let written = 0
    while (written < this.#lines.length && this.#system.awaitRoom(STDERR, timeout)) {
      writeLine(this.#lines[written++]!)
    }
    this.#lines = this.#lines.slice(written)
    if (this.#lines.length > 0 || this.#lost === 0) return
    const reason = `standard error: was blocked for a while; ${this.#lost} lines are lost`
    this.#lost = 0
    this.#lines.push(lineOf('failed', process.pid, ['reason', reason]))
  }

  #tryLater(): void {
    if (this.#isTrying) return
    this.#isTrying = true
    setTimeout(() => {
      this.#isTrying = false
      this.#flush(0)
      if (this.#lines.length > 0) this.#tryLater()
    }, TRY_EVERY)
  }
}
