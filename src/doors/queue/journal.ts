import type { Decision } from '../../decision.ts'
import { type Envelope, recipientsOf } from '../../envelope/envelope.ts'
import { errorText, faultKindOf } from '../../fault.ts'
import { type LogEntry, logLine } from '../../log.ts'
import { fieldsOf, fieldValue } from '../../message/header-block.ts'
import type { Environment } from '../../policy/settings.ts'
import type { Transaction } from '../../transaction.ts'
import { openLog } from './log-sink.ts'

/**
 * The slot's log: one line per message, whichever way it goes out. An exit code of
 * undefined means that the next program's will be the answer.
 */
export interface Journal {
  received(transaction: Transaction): void
  decided(decision: Decision, code: number | undefined): void
  passed(why: string): void
  fault(error: unknown, code: number): void
}

/** Recipients in one line of a quarantined message's log. */
const RECIPIENTS_PER_LINE = 8

export function openJournal(env: Environment): Journal {
  const write = openLog(env)
  const started = process.hrtime()
  let about: LogEntry[] = []
  let transaction: Transaction | undefined

  function line(entries: readonly LogEntry[], code: number | undefined): void {
    const [seconds, nanoseconds] = process.hrtime(started)
    const total = (seconds * 1000 + nanoseconds / 1e6).toFixed(1)
    const remote = env.TCPREMOTEIP
    write(logLine([...entries, ['exit', code], ['remote', remote], ...about, ['total_ms', total]]))
  }

  return {
    received(incoming) {
      transaction = incoming
      about = messageEntries(incoming)
    },
    decided(decision, code) {
      line(decisionEntries(decision), code)
      const quarantined = decision.kind === 'accept' && decision.recipients !== undefined
      if (quarantined && transaction && transaction.envelope.recipientCount > 1) {
        for (const recipients of recipientLines(transaction.envelope)) write(recipients)
      }
    },
    passed(why) {
      line([['decision', 'pass'], ['reason', why]], undefined) // biome-ignore format: a pair a line is longer to read
    },
    fault(error, code) {
      line(faultEntries(error), code)
    },
  }
}

function messageEntries({ message, envelope }: Transaction): LogEntry[] {
  const [first] = recipientsOf(envelope)
  return [
    ['size', message.size],
    ['msgid', messageId(message.header)],
    ['from', `<${envelope.sender.toString('latin1')}>`],
    ['to', first && `<${first.toString('latin1')}>`],
    ['rcpts', envelope.recipientCount],
  ]
}

function decisionEntries(decision: Decision): LogEntry[] {
  const { scan, why, scanner, virus, key, times } = decision.findings
  return [
    ['decision', decision.kind === 'accept' && decision.recipients ? 'quarantine' : decision.kind],
    ['scan', scan],
    ['scanner', scanner],
    ['virus', virus],
    ['key', key],
    ['reason', why],
    ...Object.entries(times).map(([stage, ms]): LogEntry => [`${stage}_ms`, ms.toFixed(1)]),
  ]
}

function faultEntries(error: unknown): LogEntry[] {
  const kind = faultKindOf(error)
  const why = kind === 'bug' && error instanceof Error ? error.stack : errorText(error)
  const permanent = kind === 'address-too-long'
  return [
    ['decision', permanent ? 'reject' : 'defer'],
    ['fault', kind],
    ['reason', why],
  ]
}

function messageId(header: Buffer): string | undefined {
  const field = fieldsOf(header).find(({ name }) => name.toLowerCase() === 'message-id')
  return field && fieldValue(header, field).trim()
}

/** X-Quarantine-ID is bounded; the log tells everybody the message was for, in lines of their own. */
function* recipientLines(envelope: Envelope): Generator<Buffer> {
  let entries: LogEntry[] = []
  for (const recipient of recipientsOf(envelope)) {
    entries.push(['rcpt', `<${recipient.toString('latin1')}>`])
    if (entries.length === RECIPIENTS_PER_LINE) {
      yield logLine([['quarantined', 'recipients'], ...entries])
      entries = []
    }
  }
  if (entries.length > 0) yield logLine([['quarantined', 'recipients'], ...entries])
}
