import type { Environment } from '../../../ground/settings/settings.ts'
import type { Decision } from '../../../scan/judge/decision.ts'
import {
  decisionLines,
  faultLine,
  type LogContext,
  type LoggedMessage,
  passLine,
} from './log-lines.ts'
import type { LogSink } from './log-sink.ts'

/**
 * The slot's log: one line for each message, whatever becomes of it. If an exit code is undefined,
 * the caller gets that of the next program.
 */
export interface SlotLog {
  /** What every line says, at this moment. */
  about(): LogContext
  received(transaction: LoggedMessage): void
  decided(decision: Decision, code: number | undefined): void
  passed(why: string): void
  fault(error: unknown, code: number): void
}

export function openSlotLog(env: Environment, { write }: LogSink): SlotLog {
  const started = process.hrtime()
  let transaction: LoggedMessage | undefined

  function context(): LogContext {
    const [seconds, nanoseconds] = process.hrtime(started)
    return {
      remote: env.TCPREMOTEIP || undefined,
      transaction,
      total: seconds * 1000 + nanoseconds / 1e6,
    }
  }

  return {
    about: context,
    received(incoming) {
      transaction = incoming
    },
    decided(decision, code) {
      for (const line of decisionLines(decision, code, context())) write(line)
    },
    passed(why) {
      write(passLine(why, context()))
    },
    fault(error, code) {
      write(faultLine(error, code, context()))
    },
  }
}
