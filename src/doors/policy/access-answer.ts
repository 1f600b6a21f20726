import { readAddress } from '../../mail/message/envelope/address.ts'
import { isAskedAbout, OVER_QUOTA, overQuotaText } from '../../scan/judge/over-quota.ts'
import type { QuotaLookup } from '../../scan/quota/quota-answer.ts'
import { quotaLine } from '../shared/log/log-lines.ts'
import { type Attributes, writeAttributes } from './attributes.ts'

/** The settings and services by which requests are answered. */
export interface AccessPolicy {
  /** Undefined if QUOTAD is not set. */
  readonly quota: QuotaLookup | undefined
  /** Whether everything passes unseen (`onescan disable`). */
  readonly isOff: () => boolean
  /** Logs a line. */
  readonly log: (line: Buffer) => void
}

/**
 * Resolves to the answer to a request: a refusal if the mailbox is known to be full, and DUNNO
 * otherwise. Never OK, which would skip the restrictions that come after this one, and never
 * nothing, for which Postfix would defer the mail (SMTPD_POLICY_README).
 */
export async function answerRequest(request: Attributes, policy: AccessPolicy): Promise<Buffer> {
  return writeAttributes({ action: await actionFor(request, policy) })
}

async function actionFor(
  request: Attributes,
  { quota, isOff, log }: AccessPolicy,
): Promise<string> {
  const recipient = request.get('recipient')
  if (quota === undefined || request.get('protocol_state') !== 'RCPT' || !recipient) return 'DUNNO'
  const relay = (request.get('sasl_username') ?? '') !== ''
  if (!isAskedAbout({ relay, bounceInjector: false }, quota)) return 'DUNNO'
  if (isOff()) return 'DUNNO'
  const address = readAddress(recipient)
  const size = announcedSize(request)
  const answer = await quota.ask(address, size)
  if (answer.answer === 'room') return 'DUNNO'
  const about = {
    recipient: address,
    sender: readAddress(request.get('sender') ?? ''),
    size: size || undefined,
    remote: request.get('client_address'),
  }
  log(quotaLine('policy', about, answer))
  if (answer.answer !== 'full') return 'DUNNO'
  return `${OVER_QUOTA.code} ${OVER_QUOTA.enhanced} ${overQuotaText(address)}`
}

/** Returns the size that the client announced with MAIL, or 0 if it announced none. */
function announcedSize(request: Attributes): number {
  const size = request.get('size') ?? ''
  return /^[0-9]{1,15}$/.test(size) ? Number(size) : 0
}
