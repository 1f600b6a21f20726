import type { Header } from '../../../mail/message/header-block.ts'
import type { ContentReader } from '../../../protocol/smtp/content.ts'
import type { Decision, Grounds } from '../../../scan/judge/decision.ts'
import type { SmtpServer } from '../shared/server.ts'

/** The refusal of a message that is not even judged, because of its form. */
export type ContentRefusal = Extract<Decision, { kind: 'reject' }>

/**
 * Returns the refusal of content that was read to its end and has `size` bytes, or undefined if it
 * is taken.
 */
export function refuseContent(
  { bare, hasHiddenDot }: ContentReader,
  size: number,
  { refusesBareNewlines, maxSize }: Pick<SmtpServer, 'refusesBareNewlines' | 'maxSize'>,
): ContentRefusal | undefined {
  if (size > maxSize) {
    return refusal('5.3.4', 'too-large', `message is larger than ${maxSize} bytes (--max-size)`)
  }
  if (refusesBareNewlines && bare !== undefined) {
    // smtpd_forbid_bare_newline = reject of Postfix
    return refusal('5.5.2', 'bare-newline', `bare <${bare}> received`)
  }
  if (hasHiddenDot) {
    const what = 'a dot after a bare CR or LF or a NUL ends it for some servers'
    return refusal('5.6.0', 'bare-newline', `message refused: ${what}`)
  }
  return undefined
}

/** Received fields of a message that is refused: `hopcount_limit` of Postfix. */
const HOPS_MAX = 50

/**
 * Returns the refusal of a message that goes round: each server on its way adds a Received field
 * (RFC 5321 6.3). The servers behind cannot count in time, since each hands the message on before
 * it has all of it.
 */
export function refuseTooManyHops({ fields }: Header): ContentRefusal | undefined {
  const hops = fields.filter(({ key }) => key === 'received').length
  if (hops < HOPS_MAX) return undefined
  return refusal('5.4.6', 'too-many-hops', `too many hops: ${hops} Received fields, a mail loop`)
}

function refusal(enhanced: string, grounds: Grounds, text: string): ContentRefusal {
  const findings = { scan: 'skipped', why: text, times: {} } as const
  return { kind: 'reject', reply: { class: 5, enhanced, text, grounds }, findings }
}
