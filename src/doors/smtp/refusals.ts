import type { Decision, Grounds } from '../../judge/decision.ts'
import type { Header } from '../../message/header-block.ts'
import type { ContentReader } from './wire/content.ts'

/** The refusal of a message that is not even judged, because of its form. */
export type ContentRefusal = Extract<Decision, { kind: 'reject' }>

/** The limits that the door sets to content. */
export interface ContentLimits {
  /** Whether a message with a bare CR or LF is refused. */
  readonly refusesBareNewlines: boolean
  /** Bytes of a message, as they came. */
  readonly maxSize: number
}

/**
 * Returns the refusal of content that was read to its end and has `size` bytes, or undefined if it
 * is taken.
 */
export function refuseContent(
  { ambiguousDot, bareLf, bareCr }: ContentReader,
  size: number,
  { refusesBareNewlines, maxSize }: ContentLimits,
): ContentRefusal | undefined {
  if (size > maxSize) {
    return refusal('5.3.4', 'too-large', `message is larger than ${maxSize} bytes (--max-size)`)
  }
  if (ambiguousDot) {
    const what =
      'a dot begins a line, or stands in one alone, behind or before a bare CR, LF or NUL'
    return refusal('5.6.0', 'bare-newline', `message refused: ${what}`)
  }
  if (refusesBareNewlines && (bareLf || bareCr)) {
    const which = bareLf ? 'LF' : 'CR'
    return refusal('5.6.0', 'bare-newline', `message refused: it has a bare ${which}`)
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
