import { errorText, isFault } from '../../../ground/errors/fault.ts'
import { type LogEntry, logLine } from '../../../ground/errors/log.ts'
import type { Decision, Grounds, Share, SingleDecision } from '../../../judge/decision.ts'
import { type Envelope, recipientsOf } from '../../../message/envelope/envelope.ts'
import type { Header } from '../../../message/header-block.ts'
import type { Message } from '../../../message/spool.ts'

/** What a line says about a message. */
export interface LoggedMessage {
  readonly message: Pick<Message, 'size' | 'header'>
  readonly envelope: Envelope
}

/** What a client told of mail before there was no room for it. */
export interface MailSummary {
  /** latin1, without brackets. */
  readonly from: string
  /** The first one. */
  readonly to: string | undefined
  readonly recipients: number
  readonly messageId: string | undefined
}

/** What every line says, whatever became of the message. */
export interface LogContext {
  /** TCPREMOTEIP. */
  readonly remote: string | undefined
  /** Undefined if nothing was received, or it could not be kept. */
  readonly transaction: LoggedMessage | undefined
  /** What is known of mail that could not be kept. */
  readonly summary?: MailSummary
  /** Milliseconds since this program got to know of the message. */
  readonly total: number
  /** What doors other than the slot add: which door it is, the MTA's queue id, the reply. */
  readonly door?: readonly LogEntry[]
  /** Gets each line, for the page. */
  readonly onLine?: ((line: Buffer) => void) | undefined
}

/** What marks a message that `onescan check` sent: it is logged, is delivered nowhere, and counts nowhere. */
export const TRIAL: LogEntry = ['trial', 1]

/** Recipients in one line of a quarantined message's log. */
const RECIPIENTS_PER_LINE = 8

/**
 * The lines for a message that was judged: one, and where it goes to quarantine others that
 * name all its recipients; if it is split, those of each share. A code of undefined means that the next program's is the answer.
 */
export function* decisionLines(
  decision: Decision,
  code: number | undefined,
  about: LogContext,
): Generator<Buffer> {
  if (decision.kind === 'split') {
    for (const share of decision.shares) {
      yield* decisionLines(share.decision, code, aboutShare(share, about))
    }
    return
  }
  yield line(decisionEntries(decision), code, about)
  const quarantined =
    decision.kind === 'quarantine' ||
    (decision.kind === 'accept' && decision.recipients !== undefined)
  const envelope = about.transaction?.envelope
  if (quarantined && envelope && envelope.recipientCount > 1) yield* recipientLines(envelope)
}

/** What is told of a share of a message. */
export function aboutShare({ envelope }: Share, about: LogContext): LogContext {
  const { transaction } = about
  return { ...about, transaction: transaction && { ...transaction, envelope } }
}

/** Nothing was looked at. */
export function passLine(why: string, about: LogContext): Buffer {
  return line([['decision', 'pass'], ['reason', why]], undefined, about) // biome-ignore format: a pair a line is longer to read
}

export function faultLine(error: unknown, code: number | undefined, about: LogContext): Buffer {
  const kind = isFault(error) ? error.kind : 'bug'
  const why = kind === 'bug' && error instanceof Error ? error.stack : errorText(error)
  const decision = kind === 'address-too-long' ? 'reject' : 'defer'
  return line([['decision', decision], ['fault', kind], ['reason', why]], code, about) // biome-ignore format: as above
}

function line(entries: readonly LogEntry[], code: number | undefined, about: LogContext) {
  const made = logLine([
    ...entries,
    ['exit', code],
    ...(about.door ?? []),
    ['remote', about.remote],
    ...(about.transaction ? messageEntries(about.transaction) : knownEntries(about.summary)),
    ['total_ms', about.total.toFixed(1)],
  ])
  about.onLine?.(made)
  return made
}

function messageEntries({ message, envelope }: LoggedMessage): LogEntry[] {
  const [first] = recipientsOf(envelope)
  return [
    ['size', message.size],
    ['msgid', messageId(message.header)],
    ['from', `<${envelope.sender.text}>`],
    ['to', first && `<${first.text}>`],
    ['rcpts', envelope.recipientCount],
  ]
}

function knownEntries(known: MailSummary | undefined): LogEntry[] {
  if (known === undefined) return []
  return [
    ['msgid', known.messageId],
    ['from', `<${known.from}>`],
    ['to', known.to && `<${known.to}>`],
    ['rcpts', known.recipients],
  ]
}

function decisionEntries(decision: SingleDecision): LogEntry[] {
  const { rule, allowed, scan, why, cause, scanner, virus, banned, odd, key, by, age, times } =
    decision.findings
  return [
    ['decision', decision.kind === 'accept' && decision.recipients ? 'quarantine' : decision.kind],
    ['scan', scan],
    ['scanner', scanner],
    ['virus', virus],
    ['banned', banned],
    ['grounds', groundsOf(decision)],
    ['kept', decision.kind === 'quarantine' ? decision.id : undefined],
    ['rule', rule],
    ['allowed', allowed],
    ['by', by],
    ['age', age],
    ['odd', odd],
    ['key', key],
    ['cause', cause],
    ['reason', why],
    ...Object.entries(times).map(([stage, ms]): LogEntry => [`${stage}_ms`, ms.toFixed(1)]),
  ]
}

/** Why a message is not simply accepted, in one word that can be counted. */
function groundsOf(decision: SingleDecision): Grounds | undefined {
  if ('reply' in decision) return decision.reply.grounds
  if (decision.kind === 'quarantine') return decision.grounds
  const { banned, virus } = decision.findings
  if (banned !== undefined) return 'banned'
  return virus === undefined ? undefined : 'virus'
}

function messageId(header: Header): string | undefined {
  const field = header.fields.find(({ key }) => key === 'message-id')
  return field && header.valueOf(field).trim()
}

/** X-Quarantine-ID is bounded; the log tells everybody the message was for, in lines of their own. */
function* recipientLines(envelope: Envelope): Generator<Buffer> {
  let entries: LogEntry[] = []
  for (const recipient of recipientsOf(envelope)) {
    entries.push(['rcpt', `<${recipient.text}>`])
    if (entries.length === RECIPIENTS_PER_LINE) {
      yield logLine([['quarantined', 'recipients'], ...entries])
      entries = []
    }
  }
  if (entries.length > 0) yield logLine([['quarantined', 'recipients'], ...entries])
}
