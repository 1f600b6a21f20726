import { type MailAddress, readAddress } from '../../../../base/text/address.ts'
import type { Envelope } from '../../../../mail/message/envelope.ts'
import type { HeaderEdits, HeaderField } from '../../../../mail/message/header-block.ts'
import type { Acceptance } from './decision.ts'

/** Bytes of the field's value. If more recipients are left, `+N more` ends it. */
const FIELD_VALUE_MAX = 8 * 1024
/** Characters in a line of the field, which is folded at this length; RFC 5322 2.1.1 requires at most 998. */
const LINE_MAX = 76

/** The lower-case name of the field. */
export const QUARANTINE_FIELD = 'x-quarantine-id'

/**
 * Returns an acceptance that sends the message to the address of VIRUSFORWARD alone. A field names the
 * original recipients. It replaces existing fields of that name, even those covered by a stamp. Mail that was
 * forwarded before stays unchanged.
 */
export function forwardTo(
  virusForward: string,
  envelope: Envelope,
  tagged: Acceptance,
): Acceptance {
  const forward = readAddress(Buffer.from(virusForward, 'utf8'))
  if (wasForwarded(envelope, forward)) return tagged
  const { remove, add } = tagged.edits
  const field = quarantineField(forward, envelope.recipients)
  const edits: HeaderEdits = {
    remove: [...new Set([...remove, QUARANTINE_FIELD])],
    add: [...add, field],
  }
  return { ...tagged, edits, recipients: [forward] }
}

/**
 * Returns whether mail goes to the address of VIRUSFORWARD alone: it was forwarded before, or addressed to
 * it.
 */
function wasForwarded(envelope: Envelope, forward: MailAddress): boolean {
  if (envelope.recipientCount !== 1) return false
  const [only] = envelope.recipients
  return only!.text === forward.text
}

/**
 * Returns `X-Quarantine-ID: forward,recipient,…`, which names the original recipients (IndiMail's form).
 * Bytes of an address that could end a line, a list or the header become %XX.
 */
function quarantineField(forward: MailAddress, recipients: Iterable<MailAddress>): HeaderField {
  let value = escaped(forward)
  let line = value.length
  let left = 0
  for (const recipient of recipients) {
    const address = escaped(recipient)
    if (left > 0 || value.length + address.length + 3 > FIELD_VALUE_MAX) {
      left++
      continue
    }
    if (line + address.length > LINE_MAX) {
      value += `,\n ${address}`
      line = address.length
    } else {
      value += `,${address}`
      line += address.length + 1
    }
  }
  if (left > 0) value += `,\n +${left} more`
  return { name: 'X-Quarantine-ID', value }
}

function escaped({ text }: MailAddress): string {
  return text.replace(/[^!-~]|[,%]/g, (c) => {
    return `%${c.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
}
