import { errorText, isFault } from '../../base/errors/fault.ts'
import { type LogField, logLine } from '../../base/log/line-format.ts'
import type { Peer } from '../../base/runtime/system.ts'
import type { MailAddress } from '../../base/text/address.ts'
import type { Envelope } from '../../mail/message/envelope.ts'
import type { Header } from '../../mail/message/header-block.ts'
import type { Message } from '../../mail/message/message.ts'
import type { Decision, SingleDecision } from '../scan/judge/decision/decision.ts'
import type { Grounds } from '../scan/replies/reply.ts'

/** A message that a line is about. */
export interface LoggedMessage {
  readonly message: Pick<Message, 'size' | 'header'>
  readonly envelope: Envelope
}

/** The information that a client sent about mail for which there was no room. */
export interface MailSummary {
  /** latin1, without brackets. */
  readonly from: string
  /** The first recipient. */
  readonly to: string | undefined
  readonly recipients: number
  readonly messageId: string | undefined
}

/** The content of a log line in addition to the decision about the message. */
export interface LogContext {
  /** TCPREMOTEIP. */
  readonly remote: string | undefined
  /** Undefined if no message was received, or it could not be kept. */
  readonly transaction: LoggedMessage | undefined
  /** The information about mail that could not be kept. */
  readonly summary?: MailSummary
  /** Milliseconds since this program received the message. */
  readonly total: number
  /** The exit code, if it is not that of the next program. */
  readonly exit?: number
  /** Fields of doors other than onescan-queue: the door, the MTA's queue id, the reply. */
  readonly doorFields?: readonly LogField[]
}

/** Marks a message that `onescan check` sent. It is logged, but neither delivered nor counted. */
export const SELF_TEST: LogField = ['selftest', 1]
/** The end of the Message-IDs of the mail that `onescan check --mail` sends. */
export const OF_CHECK = '@check.onescan.invalid'

/** Returns the fields about the client of a unix socket. */
export const peerFields = (peer: Peer | undefined): readonly LogField[] =>
  peer === undefined
    ? []
    : [
        ['peer_uid', peer.uid],
        ['peer_pid', peer.pid],
      ]

/** Recipients in one line that names them. */
const RECIPIENTS_PER_LINE = 8

/**
 * Yields the lines for a judged message: one line, and more that name all recipients if it goes to
 * quarantine. A split message has these lines for each share.
 */
export function* decisionLines(decision: Decision, context: LogContext): Generator<Buffer> {
  if (decision.kind === 'split') {
    for (const share of decision.shares) {
      yield* decisionLines(share.decision, contextOfShare(share.envelope, context))
    }
    return
  }
  yield line(decisionFields(decision), context)
  const quarantined =
    decision.kind === 'quarantine' ||
    (decision.kind === 'accept' && decision.recipients !== undefined)
  const envelope = context.transaction?.envelope
  if (quarantined && envelope && envelope.recipientCount > 1) {
    // All of them, because the field X-Quarantine-ID is bounded.
    yield* recipientLines([['quarantined', 'recipients']], envelope.recipients)
  }
}

/** Returns the context for lines about some recipients of a message, those of the envelope. */
export function contextOfShare(envelope: Envelope, context: LogContext): LogContext {
  const { transaction } = context
  return { ...context, transaction: transaction && { ...transaction, envelope } }
}

/** Makes the line for a message that passes without being looked at. */
export function passLine(reason: string, context: LogContext): Buffer {
  return line(
    [
      ['decision', 'pass'],
      ['reason', reason],
    ],
    context,
  )
}

/** Makes the line for a message that could not be judged. */
export function faultLine(error: unknown, context: LogContext): Buffer {
  const kind = isFault(error) ? error.kind : 'bug'
  const reason = kind === 'bug' && error instanceof Error ? error.stack : errorText(error)
  const decision = kind === 'address-too-long' ? 'reject' : 'defer'
  return line(
    [
      ['decision', decision],
      ['fault', kind],
      ['reason', reason],
    ],
    context,
  )
}

function line(fields: readonly LogField[], context: LogContext) {
  const { transaction, summary } = context
  const ofMail = transaction ? messageFields(transaction) : summaryFields(summary)
  return logLine([
    ...fields,
    ['exit', context.exit],
    ...(context.doorFields ?? []),
    ['remote', context.remote],
    ...ofMail,
    ['total_ms', context.total.toFixed(1)],
  ])
}

function messageFields({ message, envelope }: LoggedMessage): LogField[] {
  const [first] = envelope.recipients
  return [
    ['size', message.size],
    ['msgid', messageId(message.header)],
    ['from', `<${envelope.sender.text}>`],
    ['to', first && `<${first.text}>`],
    ['rcpts', envelope.recipientCount],
  ]
}

function summaryFields(summary: MailSummary | undefined): LogField[] {
  if (summary === undefined) return []
  return [
    ['msgid', summary.messageId],
    ['from', `<${summary.from}>`],
    ['to', summary.to && `<${summary.to}>`],
    ['rcpts', summary.recipients],
  ]
}

function decisionFields(decision: SingleDecision): LogField[] {
  const { rule, allowed, scan, reason, cause, scanner, virus, banned, odd, key, by, age, times } =
    decision.details
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
    ['reason', reason],
    ...Object.entries(times).map(([stage, ms]): LogField => [`${stage}_ms`, ms.toFixed(1)]),
  ]
}

/** Returns why a message is not simply accepted, as one word that can be counted. */
function groundsOf(decision: SingleDecision): Grounds | undefined {
  if ('reply' in decision) return decision.reply.grounds
  if (decision.kind === 'quarantine') return decision.grounds
  const { banned, virus } = decision.details
  if (banned !== undefined) return 'banned'
  return virus === undefined ? undefined : 'virus'
}

function messageId(header: Header): string | undefined {
  const field = header.fields.find(({ key }) => key === 'message-id')
  return field && header.valueOf(field).trim()
}

/** Makes lines that begin with `fields`, and name recipients, but no more than `most`. */
export function* recipientLines(
  fields: readonly LogField[],
  recipients: Iterable<MailAddress>,
  most = Number.POSITIVE_INFINITY,
): Generator<Buffer> {
  let names: LogField[] = []
  let count = 0
  for (const { text } of recipients) {
    if (count++ >= most) break
    names.push(['rcpt', `<${text}>`])
    if (names.length === RECIPIENTS_PER_LINE) {
      yield logLine([...fields, ...names])
      names = []
    }
  }
  if (names.length > 0) yield logLine([...fields, ...names])
}
