import type { Decision, Reply } from '../decision.ts'
import { type Envelope, recipientsOf } from '../envelope/envelope.ts'
import type { Client } from '../transaction.ts'
import type { QuotaLookup } from './answer.ts'
import { OVER_QUOTA, overQuotaText } from './over-quota.ts'

/** What is asked about: the message need not be here. */
export interface Addressed {
  readonly envelope: Envelope
  readonly client: Client
  /** Bytes of the message. */
  readonly size: number
}

/** Whether anybody is asked about this client's mail. The MTA's own bounces would come back for ever. */
export function isAskedAbout(
  client: Client,
  lookup: Pick<QuotaLookup, 'askForRelayClients'>,
): boolean {
  if (client.bounceInjector) return false
  return lookup.askForRelayClients || !client.relay
}

/**
 * A door that answers for all recipients at once puts a message off where each of them is
 * over quota: `full`. One who is not, or of whom nothing is known, lets it pass, and
 * the rest is not asked about; `why` then is for the log, or ''.
 */
export async function areAllFull(
  { envelope, client, size }: Addressed,
  lookup: QuotaLookup,
): Promise<{ readonly full: boolean; readonly why: string }> {
  if (!isAskedAbout(client, lookup)) return { full: false, why: '' }
  for (const recipient of recipientsOf(envelope)) {
    const answer = await lookup.ask(recipient, size)
    if (answer.answer === 'full') continue
    return { full: false, why: answer.answer === 'unknown' ? `quota: ${answer.why}` : '' }
  }
  return { full: envelope.recipientCount > 0, why: '' }
}

/** What becomes of such a message; `milliseconds` were spent on asking. */
export function putOff(
  envelope: Envelope,
  milliseconds: number,
): Extract<Decision, { kind: 'defer' }> {
  const [first] = recipientsOf(envelope)
  const reply: Reply = {
    class: OVER_QUOTA.class,
    enhanced: OVER_QUOTA.enhanced,
    text:
      envelope.recipientCount === 1
        ? overQuotaText(first!)
        : 'Quota exceeded for all recipients, try again later',
    grounds: 'over-quota',
  }
  const why = 'all recipients are over quota'
  return {
    kind: 'defer',
    reply,
    findings: { scan: 'skipped', why, times: { quota: milliseconds } },
  }
}
