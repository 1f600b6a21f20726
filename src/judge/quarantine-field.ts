import type { HeaderField } from '../message/edits.ts'
import type { MailAddress } from '../message/envelope/address.ts'
import { type Envelope, recipientsOf } from '../message/envelope/envelope.ts'

/** Bytes of the field's value before `+N more` ends it. */
const VALUE_MAX = 8 * 1024
/** Where lines of the field are folded; RFC 5322 2.1.1 asks for under 998. */
const LINE_MAX = 76

/** Mail for the quarantine address alone was forwarded before, or was meant for it. */
export function wasForwarded(envelope: Envelope, forward: MailAddress): boolean {
  if (envelope.recipientCount !== 1) return false
  const [only] = recipientsOf(envelope)
  return only!.text === forward.text
}

/**
 * `X-Quarantine-ID: forward,recipient,…`: where the message would have gone (IndiMail's
 * form). Bytes of an address that could end a line, a list or the header become %XX.
 */
export function quarantineField(
  forward: MailAddress,
  recipients: Iterable<MailAddress>,
): HeaderField {
  let value = escaped(forward)
  let line = value.length
  let left = 0
  for (const recipient of recipients) {
    const address = escaped(recipient)
    if (left > 0 || value.length + address.length + 3 > VALUE_MAX) {
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
