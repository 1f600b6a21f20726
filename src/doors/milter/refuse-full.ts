import { errorText } from '../../fault.ts'
import { logLine } from '../../log.ts'
import type { AskQuota, QuotaAnswer } from '../../quota/answer.ts'
import { OVER_QUOTA, overQuotaText } from '../../quota/over-quota.ts'
import { smtpReply } from './wire/replies.ts'

/** Whom to ask, RCPT by RCPT, whether a recipient has room. */
export interface RecipientQuota {
  readonly ask: AskQuota
  /** Whether recipients of authenticated clients' mail are asked about, too. */
  readonly askForRelayClients: boolean
}

/** What is known when a recipient is named. */
export interface RecipientInQuestion {
  readonly recipient: Buffer
  readonly sender: Buffer
  /** Bytes, where the client announced them. */
  readonly size: number | undefined
  readonly remote: string | undefined
}

/**
 * The reply that refuses this one recipient for now, or undefined where it may pass: it has
 * room, or nobody could tell. Whatever is no plain "room" is logged. Never rejects.
 */
export async function refuseFull(
  about: RecipientInQuestion,
  { ask }: RecipientQuota,
  log: (line: Buffer) => void,
): Promise<Buffer | undefined> {
  const answer = await ask(about.recipient, about.size).catch(
    (error): QuotaAnswer => ({ answer: 'unknown', why: errorText(error) }),
  )
  if (answer.answer === 'room') return undefined
  log(quotaLine(about, answer))
  if (answer.answer !== 'full') return undefined
  return smtpReply({ ...OVER_QUOTA, lines: [overQuotaText(about.recipient)] })
}

function quotaLine(about: RecipientInQuestion, answer: QuotaAnswer): Buffer {
  const usage = answer.answer === 'full' ? answer.usage : undefined
  return logLine([
    ['decision', answer.answer === 'full' ? 'defer' : 'pass'],
    ['quota', answer.answer],
    ['reason', answer.answer === 'unknown' ? answer.why : undefined],
    ['reply', answer.answer === 'full' ? OVER_QUOTA.code : undefined],
    ['door', 'milter'],
    ['remote', about.remote],
    ['used', usage?.size],
    ['limit', usage?.quota],
    ['size', about.size],
    ['from', `<${about.sender.toString('latin1')}>`],
    ['to', `<${about.recipient.toString('latin1')}>`],
  ])
}
