import { replaceUnprintable } from '../../../../base/log/line-format.ts'
import { redirect } from '../../../../mail/message/envelope.ts'
import { editPlan } from '../../../../mail/message/header-block.ts'
import { decisionLines, type LogContext, passLine } from '../../../log/message-lines.ts'
import { uint32 } from '../../../protocol/frames.ts'
import { fieldType, frame, frameType, uint64 } from '../../../protocol/slot/slot-frames.ts'
import type { Transaction } from '../../../scan/judge/context/transaction.ts'
import type {
  Acceptance,
  Decision,
  Deferral,
  Refusal,
  SplitDecision,
} from '../../../scan/judge/decision/decision.ts'
import { acceptedShare } from '../../../scan/judge/decision/divide.ts'
import type { Reply } from '../../../scan/replies/reply.ts'
import { type ErrorReport, plainCode, replyText } from '../error-report.ts'
import { slotExit } from '../exit-codes.ts'
import { ScanStandalone } from './scan-standalone.ts'

/** Bytes of the longest answer `a` or `x`: slot-protocol.md. */
const ANSWER_MAX = 256 * 1024
/** Upper limit in bytes for the growth of the header block. */
const NEW_FIELDS_MAX = 16 * 1024
/** Upper limit, in bytes, for the reason to scan standalone. */
const STANDALONE_LINE_MAX = 1024

/** How the client forwards a reply, and whether its descriptor accepts one. */
export interface ClientReplies {
  readonly errorReport: ErrorReport
  readonly takesReply: boolean
}

export interface ClientAnswer {
  readonly frames: Buffer
  /** The lines in it, for the client's log. */
  readonly lines: readonly Buffer[]
}

export const acknowledgement = frame(frameType.acknowledged)
export const heartbeat = frame(frameType.working)
const end = frame(fieldType.end)

/**
 * Returns the frame `C`, scan standalone. The reason is printable ASCII, so that it cannot forge a line in
 * the client's log.
 */
export function standaloneAnswer(reason: string): Buffer {
  return frame(
    frameType.standalone,
    Buffer.from(replaceUnprintable(reason).slice(0, STANDALONE_LINE_MAX), 'latin1'),
  )
}

/**
 * Returns the frames that make the client carry out this decision. Throws ScanStandalone if that does not fit
 * into them.
 */
export function encodeSlotAnswer(
  decision: Decision,
  transaction: Transaction,
  replies: ClientReplies,
  logContext: LogContext,
): ClientAnswer {
  switch (decision.kind) {
    case 'accept':
      return accept(decision, transaction, decisionLines(decision, logContext))
    case 'split':
      return acceptShare(decision, transaction, logContext)
    case 'reject':
    case 'defer':
      return endWithReply(decision, replies, logContext)
    case 'discard':
    case 'quarantine':
      return ending(slotExit.done, undefined, decision, logContext)
  }
}

/**
 * Makes the answer that the client ends with an exit code, and with the text if it can send one.
 */
export function endWithReply(
  decision: Refusal | Deferral,
  replies: ClientReplies,
  logContext: LogContext,
): ClientAnswer {
  const code = codeFor(decision.reply, replies)
  const text = code === replies.errorReport.code ? replyText(decision.reply) : undefined
  return ending(code, text, decision, logContext)
}

/** Returns the answer that makes the client pass the message on unchanged. */
export function passOn(reason: string, logContext: LogContext): ClientAnswer {
  return answer(
    frameType.accept,
    [frame(fieldType.bodyOffset, uint64(0))],
    [passLine(reason, logContext)],
  )
}

function accept(
  { edits, recipients }: Acceptance,
  { message, envelope }: Transaction,
  lines: Iterable<Buffer>,
): ClientAnswer {
  const fields = [frame(fieldType.bodyOffset, uint64(message.header.length))]
  let length = 0
  for (const part of editPlan(message.header, edits)) {
    if (part.kind === 'kept') {
      fields.push(frame(fieldType.kept, uint32(part.start, part.end - part.start)))
      length += part.end - part.start
    } else {
      fields.push(frame(fieldType.inserted, part.bytes))
      length += part.bytes.length
    }
  }
  if (length > message.header.length + NEW_FIELDS_MAX)
    throw new ScanStandalone('too many new header fields')
  if (recipients) fields.push(frame(fieldType.envelope, redirect(envelope, recipients).wire))
  return answer(frameType.accept, fields, lines)
}

/**
 * Makes the answer for those recipients who get the message. For the others it is in quarantine by
 * now.
 */
function acceptShare(
  split: SplitDecision,
  transaction: Transaction,
  logContext: LogContext,
): ClientAnswer {
  const { decision, envelope } = acceptedShare(split)!
  const recipients = [...envelope.recipients]
  return accept({ ...decision, recipients }, transaction, decisionLines(split, logContext))
}

function ending(
  code: number,
  text: string | undefined,
  decision: Decision,
  logContext: LogContext,
): ClientAnswer {
  const fields = [frame(fieldType.exitCode, Buffer.of(code))]
  if (text !== undefined) fields.push(frame(fieldType.reply, Buffer.from(text, 'latin1')))
  return answer(frameType.exit, fields, decisionLines(decision, { ...logContext, exit: code }))
}

/**
 * Makes an answer with these lines. Throws ScanStandalone if it is too long: only mail that is made to cause trouble
 * has that many fields or recipients.
 */
function answer(
  type: typeof frameType.accept | typeof frameType.exit,
  fields: readonly Buffer[],
  logged: Iterable<Buffer>,
): ClientAnswer {
  const lines = [...logged]
  const frames = frame(type, ...fields, ...lines.map((line) => frame(fieldType.logLine, line)), end)
  if (frames.length > ANSWER_MAX) throw new ScanStandalone(`an answer of ${frames.length} bytes`)
  return { frames, lines }
}

function codeFor(reply: Reply, { errorReport, takesReply }: ClientReplies): number {
  return errorReport.fd !== undefined && takesReply
    ? errorReport.code
    : plainCode(reply, errorReport.code)
}
