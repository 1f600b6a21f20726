import { errorText } from '../../ground/errors/fault.ts'
import { OVER_QUOTA, overQuotaText } from '../../judge/over-quota.ts'
import { mailboxOf } from '../../message/envelope/address.ts'
import type { QuotaAnswer, QuotaLookup } from '../../quota/ask/quota-answer.ts'
import { quotaLine, type RecipientInQuestion } from './log/quota-line.ts'
import type { SmtpReply } from './wire/reply-lines.ts'

/**
 * Resolves with the reply that refuses this one recipient for now, if it is over quota. Resolves
 * with undefined if it has room, or if its quota could not be found out. Logs any answer but
 * "room". Never rejects.
 */
export async function refuseFull(
  about: RecipientInQuestion,
  { ask }: Pick<QuotaLookup, 'ask'>,
  { door, log }: { readonly door: string; readonly log: (line: Buffer) => void },
): Promise<SmtpReply | undefined> {
  const answer = await ask(mailboxOf(about.recipient), about.size).catch(
    (error): QuotaAnswer => ({ answer: 'unknown', why: errorText(error) }),
  )
  if (answer.answer === 'room') return undefined
  log(quotaLine(door, about, answer))
  if (answer.answer !== 'full') return undefined
  return { ...OVER_QUOTA, lines: [overQuotaText(about.recipient)] }
}
