import type { FaultKind } from '../../../ground/errors/fault.ts'
import type { Decision, Reply } from '../../../judge/decision.ts'
import type { SmtpReply } from '../wire/reply-lines.ts'

/** The reply for a refusal or deferral by the judgement. */
export function replyOf(reply: Reply): SmtpReply {
  return { code: codeOf(reply), enhanced: reply.enhanced, lines: [reply.text] }
}

/** The basic code of RFC 5321 4.2.3 that goes with the reply's status. */
export function codeOf(reply: Reply): number {
  if (reply.class === 4) return 451
  return reply.grounds.endsWith('too-large') ? 552 : 550
}

/** The code that a client is told for a decision; undefined if the mail is taken. */
export function replyCode(decision: Decision): number | undefined {
  return decision.kind === 'reject' || decision.kind === 'defer'
    ? codeOf(decision.reply)
    : undefined
}

/** The reply for a fault. All faults but one may be over when the client tries again. */
export function faultReply(kind: FaultKind): SmtpReply {
  if (kind === 'address-too-long') {
    return { code: 553, enhanced: '5.1.0', lines: ['an address is longer than 1002 bytes'] }
  }
  const lines = ['the message cannot be looked at now, try again later']
  return { code: 451, enhanced: '4.3.0', lines }
}

/** RFC 3463: not now. This host is short of memory. */
export const NO_ROOM: SmtpReply = {
  code: 452,
  enhanced: '4.3.2',
  lines: ['too many recipients for now, try again later'],
}
