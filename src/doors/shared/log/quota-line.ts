import { logLine } from '../../../ground/errors/log.ts'
import type { MailAddress } from '../../../mail/message/envelope/address.ts'
import { OVER_QUOTA } from '../../../scan/judge/over-quota.ts'
import type { QuotaAnswer } from '../../../scan/quota/quota-answer.ts'

/** What a door knows when a client names a recipient. */
export interface RecipientInQuestion {
  readonly recipient: MailAddress
  readonly sender: MailAddress
  /** Bytes, if the client announced them. */
  readonly size: number | undefined
  readonly remote: string | undefined
}

/**
 * Makes the log line about the quota of one recipient, for a door that refuses single recipients.
 * The answer "room" needs no line.
 */
export function quotaLine(door: string, about: RecipientInQuestion, answer: QuotaAnswer): Buffer {
  const isFull = answer.answer === 'full'
  const usage = isFull ? answer.usage : undefined
  return logLine([
    ['decision', isFull ? 'defer' : 'pass'],
    ['quota', answer.answer],
    ['reason', answer.answer === 'unknown' ? answer.why : undefined],
    ['reply', isFull ? OVER_QUOTA.code : undefined],
    ['door', door],
    ['remote', about.remote],
    ['used', usage?.size],
    ['limit', usage?.quota],
    ['size', about.size],
    ['from', `<${about.sender.text}>`],
    ['to', `<${about.recipient.text}>`],
  ])
}
