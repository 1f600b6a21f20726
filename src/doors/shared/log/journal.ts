import type { Environment } from '../../../ground/settings/settings.ts'
import type { Decision } from '../../../judge/decision.ts'
import {
  decisionLines,
  faultLine,
  type LogContext,
  type LoggedMessage,
  passLine,
} from './log-lines.ts'
import type { LogSink } from './log-sink.ts'

/**
 * The slot's log: one line per message, whichever way it goes out. An exit code of
 * undefined means that the next program's will be the answer.
 */
export interface Journal {
  /** What every line says at this moment. */
  about(): LogContext
  received(transaction: LoggedMessage): void
  decided(decision: Decision, code: number | undefined): void
  passed(why: string): void
  fault(error: unknown, code: number): void
}

export function openJournal(env: Environment, { write }: LogSink): Journal {
  const started = process.hrtime()
  let transaction: LoggedMessage | undefined

  function now(): LogContext {
    const [seconds, nanoseconds] = process.hrtime(started)
    return { remote: env.TCPREMOTEIP, transaction, total: seconds * 1000 + nanoseconds / 1e6 }
  }

  return {
    about: now,
    received(incoming) {
      transaction = incoming
    },
    decided(decision, code) {
      for (const line of decisionLines(decision, code, now())) write(line)
    },
    passed(why) {
      write(passLine(why, now()))
    },
    fault(error, code) {
      write(faultLine(error, code, now()))
    },
  }
}
