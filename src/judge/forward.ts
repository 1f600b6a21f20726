import type { HeaderEdits } from '../message/edits.ts'
import { type MailAddress, readAddress } from '../message/envelope/address.ts'
import { type Envelope, recipientsOf } from '../message/envelope/envelope.ts'
import type { Acceptance } from './decision.ts'
import { QUARANTINE_FIELD, quarantineField } from './quarantine-field.ts'

/**
 * Sends a message that would be accepted to the address of VIRUSFORWARD alone. A field tells where it
 * would have gone, in place of those that are there, even if a stamp vouched for them. Mail that was
 * forwarded before stays as it is.
 */
export function forwardTo(
  virusForward: string,
  envelope: Envelope,
  tagged: Acceptance,
): Acceptance {
  const forward = readAddress(Buffer.from(virusForward, 'utf8'))
  if (wasForwarded(envelope, forward)) return tagged
  const { remove, add } = tagged.edits
  const field = quarantineField(forward, recipientsOf(envelope))
  const edits: HeaderEdits = {
    remove: [...new Set([...remove, QUARANTINE_FIELD])],
    add: [...add, field],
  }
  return { ...tagged, edits, recipients: [forward] }
}

/** Whether mail goes to the address of VIRUSFORWARD alone: it was forwarded before, or written to it. */
export function wasForwarded(envelope: Envelope, forward: MailAddress): boolean {
  if (envelope.recipientCount !== 1) return false
  const [only] = recipientsOf(envelope)
  return only!.text === forward.text
}
