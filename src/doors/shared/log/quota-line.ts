import { logLine } from '../../../ground/errors/log.ts'
import { OVER_QUOTA } from '../../../judge/over-quota.ts'
import type { MailAddress } from '../../../message/envelope/address.ts'
import type { QuotaAnswer } from '../../../quota/ask/quota-answer.ts'

/** What a door knows when it hears of a recipient. */
export interface RecipientInQuestion {
  readonly recipient: MailAddress
  readonly sender: MailAddress
  /** Bytes, if the client announced them. */
  readonly size: number | undefined
  readonly remote: string | undefined
}

/**
 * The log line about an answer, for a door that refuses single recipients; a plain "room" needs
 * none.
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
