import type { MailAddress } from '../../envelope/address.ts'
import { OVER_QUOTA } from '../../judge/over-quota.ts'
import type { QuotaAnswer } from '../../quota/quota-answer.ts'
import { logLine } from '../../runtime/log.ts'

/** What a door knows when a recipient is named. */
export interface RecipientInQuestion {
  readonly recipient: MailAddress
  readonly sender: MailAddress
  /** Bytes, if the client announced them. */
  readonly size: number | undefined
  readonly remote: string | undefined
}

/** What the log tells of an answer to a door that refuses one recipient; a plain "room" needs no line. */
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
