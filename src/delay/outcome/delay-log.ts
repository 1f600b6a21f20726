import { writeSync } from 'node:fs'
import { attempt } from '../../base/errors/fault.ts'
import { type LogField, logLine, onceAMinute } from '../../base/log/line-format.ts'

/** The events of smtp-delay(8), DIAGNOSTICS. */
type ConnectionEvent = 'passed' | 'talked' | 'left' | 'refused' | 'denied' | 'ended' | 'failed'

/** Upper limit for the different troubles that are logged in a minute. */
const TROUBLES_MAX = 100

/** A client in the log. */
interface LoggedClient {
  readonly ip: string
  /** Milliseconds since it connected, or undefined if it did not wait. */
  readonly waited?: number | undefined
}

interface DelayLogOptions {
  /** -v: what happens to connections is logged. */
  readonly isVerbose: boolean
  /** -q: refusals and trouble are not logged. */
  readonly isQuiet: boolean
  readonly write: (line: Buffer) => void
}

/** The log of connections and of the program itself (smtp-delay(8), DIAGNOSTICS). */
export class DelayLog {
  readonly #options: DelayLogOptions
  readonly #troubleOnce = onceAMinute(
    (reason: string, client?: LoggedClient) =>
      this.#write('failed', process.pid, ['remote', client?.ip], ['reason', reason]),
    TROUBLES_MAX,
  )

  constructor(options: DelayLogOptions) {
    this.#options = options
  }

  /** Logs what happened to a connection, if -v is set. `pid` is the program that got it, if any. */
  event(event: ConnectionEvent, client: LoggedClient, reason: string, pid = process.pid): void {
    if (!this.#options.isVerbose) return
    const waited = client.waited?.toFixed(1)
    this.#write(event, pid, ['remote', client.ip], ['waited_ms', waited], ['reason', reason])
  }

  /** Logs the code of a reply that refused a client, unless -q is set. */
  refused({ ip }: LoggedClient, reply: number, reason: string): void {
    if (this.#options.isQuiet) return
    this.#write('refused', process.pid, ['remote', ip], ['reply', reply], ['reason', reason])
  }

  /**
   * Logs trouble, with a client or of the program itself, unless -q is set. The same trouble is logged once a
   * minute.
   */
  trouble(reason: string, client?: LoggedClient): void {
    if (!this.#options.isQuiet) this.#troubleOnce(reason, client)
  }

  #write(event: ConnectionEvent, pid: number, ...fields: readonly LogField[]): void {
    this.#options.write(lineOf(event, pid, ...fields))
  }
}

/** Makes the line about trouble of the program itself. */
export function troubleLine(reason: string): Buffer {
  return lineOf('failed', process.pid, ['reason', reason])
}

/** Writes a line to standard error at once. If that fails, the line is lost. */
export function writeLine(line: Buffer): void {
  attempt(() => writeSync(2, line))
}

/** Makes a line in the form of onescan-log(5). `pid` is the process that has the connection. */
function lineOf(event: ConnectionEvent, pid: number, ...fields: readonly LogField[]): Buffer {
  return logLine([['program', 'smtp-delay'], ['event', event], ['pid', pid], ...fields])
}
