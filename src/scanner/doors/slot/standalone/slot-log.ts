import { readUptime } from '../../../../base/flow/uptime.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import type { LogSink } from '../../../log/log-sink.ts'
import {
  decisionLines,
  faultLine,
  type LogContext,
  type LoggedMessage,
  passLine,
} from '../../../log/message-lines.ts'
import type { Decision } from '../../../scan/judge/decision/decision.ts'

/**
 * The log of onescan-queue: one line for each message, whatever the outcome. If an exit code is undefined,
 * the caller receives that of the next program.
 */
export class SlotLog {
  /** Set when the message has arrived. */
  transaction: LoggedMessage | undefined
  readonly #remote: string | undefined
  readonly #sink: LogSink
  readonly #started = readUptime()

  constructor(env: Environment, sink: LogSink) {
    this.#remote = env.TCPREMOTEIP || undefined
    this.#sink = sink
  }

  /** Returns the context of a line at this moment, with an exit code other than that of the next program. */
  logContext(exit?: number): LogContext {
    const total = readUptime() - this.#started
    return {
      remote: this.#remote,
      transaction: this.transaction,
      total,
      ...(exit !== undefined && { exit }),
    }
  }

  decided(decision: Decision, code?: number): void {
    for (const line of decisionLines(decision, this.logContext(code))) this.#sink.write(line)
  }

  passed(reason: string): void {
    this.#sink.write(passLine(reason, this.logContext()))
  }

  fault(error: unknown, code: number): void {
    this.#sink.write(faultLine(error, this.logContext(code)))
  }
}
