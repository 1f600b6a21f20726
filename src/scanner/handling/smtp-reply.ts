import type { FaultKind } from '../../base/errors/fault.ts'
import type { SmtpReply } from '../protocol/smtp/smtp-syntax.ts'
import type { Decision } from '../scan/judge/decision/decision.ts'
import { ownReply } from '../scan/replies/own-replies.ts'
import type { Reply } from '../scan/replies/reply.ts'

/** Returns the SMTP reply for a refusal or deferral by the judgement. */
export function replyOf(reply: Reply): SmtpReply {
  return { code: codeOf(reply), enhanced: reply.enhanced, lines: [reply.text] }
}

/** Returns the basic code of RFC 5321 4.2.3 for a reply. */
function codeOf(reply: Reply): number {
  const { grounds } = reply
  if (reply.class === 4) return grounds === 'over-quota' ? 452 : 451
  return grounds === 'too-large' ? 552 : 550
}

/** Returns the reply code of a decision, or undefined if the mail is accepted. */
export function replyCode(decision: Decision): number | undefined {
  return decision.kind === 'reject' || decision.kind === 'defer'
    ? codeOf(decision.reply)
    : undefined
}

/** Returns the SMTP reply for a fault. All faults but one are temporary. */
export function faultReply(kind: FaultKind): SmtpReply {
  return kind === 'address-too-long' ? ownReply.addressTooLong : ownReply.fault
}
