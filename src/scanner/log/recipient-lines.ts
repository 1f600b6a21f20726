import { type LogField, logLine } from '../../base/log/line-format.ts'
import type { QuotaAnswer } from '../../base/protocol/quota/quota-answer.ts'
import type { MailAddress } from '../../base/text/address.ts'
import type { Origin } from '../../mail/message/envelope.ts'

/** The lines about a single recipient, whom a door checks before it has the message. */

/** A recipient, and what the client has announced about the mail for it. */
export interface AnnouncedRecipient {
  readonly origin: Pick<Origin, 'clientAddress' | 'queueId'> & { readonly interface: string }
  readonly sender: MailAddress
  /** Bytes that the client announced. */
  readonly size?: number | undefined
  /** The recipient, as it is logged. */
  readonly to: string
}

/** Makes the line for a recipient that a line of onescan.policy(5) refuses. `reply` is its code. */
export function ruleLine(rule: number, reply: number, about: AnnouncedRecipient): Buffer {
  const { origin, size } = about
  return logLine([
    ['decision', 'reject'],
    ['grounds', 'policy'],
    ['rule', rule],
    ['reply', reply],
    ['interface', origin.interface],
    ['queue', origin.queueId],
    ['remote', origin.clientAddress],
    ['size', size],
    ...addressFields(about),
  ])
}

/** Makes the line about the quota of a recipient, unless it has room. `reply` is the code, if there is one. */
export function quotaLine(
  answer: QuotaAnswer,
  reply: number | undefined,
  about: AnnouncedRecipient,
): Buffer {
  const { origin, size } = about
  const usage = answer.status === 'full' ? answer.usage : undefined
  return logLine([
    ['decision', answer.status === 'full' ? 'defer' : 'pass'],
    ['quota', answer.status],
    ['reason', answer.status === 'unknown' ? answer.reason : undefined],
    ['reply', reply],
    ['interface', origin.interface],
    ['remote', origin.clientAddress],
    ['used', usage?.size],
    ['limit', usage?.quota],
    ['size', size],
    ...addressFields(about),
  ])
}

/** Makes the line for a recipient that servers could interpret as different mailboxes. `reply` is its code. */
export function notPlainLine(
  decision: 'defer' | 'reject',
  reply: number,
  about: AnnouncedRecipient,
): Buffer {
  const { origin } = about
  return logLine([
    ['decision', decision],
    ['reason', 'mail servers may deliver this recipient to different mailboxes'],
    ['reply', reply],
    ['interface', origin.interface],
    ['queue', origin.queueId],
    ['remote', origin.clientAddress],
    ...addressFields(about),
  ])
}

function addressFields({ sender, to }: AnnouncedRecipient): LogField[] {
  return [
    ['from', `<${sender.text}>`],
    ['to', to],
  ]
}
