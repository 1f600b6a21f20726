import type { MailboxUse, QuotaLimits } from './limits.ts'
import type { MailboxPath } from './mailbox.ts'

/** What a source knows of a mailbox. */
export type MailboxReading =
  | {
      readonly found: 'use'
      readonly use: MailboxUse
      /** What the mailbox itself says that it may hold. */
      readonly limits?: QuotaLimits | undefined
      /** For people: `maildirsize`, `walk`. */
      readonly source: string
      /** The mailbox should have been counted, and that took too long. */
      readonly stale?: boolean
    }
  /** Another service has compared them, and tells no numbers. */
  | { readonly found: 'verdict'; readonly full: boolean; readonly source: string }
  | { readonly found: 'no-such-user' }
  /** Nothing lies there, or not yet. */
  | { readonly found: 'no-mailbox' }
  /** `trouble` names what could not be read, and why. */
  | { readonly found: 'trouble'; readonly why: string }

/** What decides whether a mailbox is full, and so whether its word for it is enough. */
export interface Measure {
  /** Bytes of the message that is to come; 0 if nobody told. */
  readonly incoming: number
  /** For that user, whatever the mailbox says. */
  readonly limits?: QuotaLimits | undefined
  /** Where neither somebody else nor the mailbox says. */
  readonly standard: QuotaLimits
  /** Milliseconds that the question has waited for the list of users. */
  readonly waited?: number
}

/** Reads mailboxes of one kind. Never rejects. */
export type ReadMailbox = (
  mailbox: MailboxPath,
  measure: Measure,
) => MailboxReading | Promise<MailboxReading>

/** The limits that count: what is said of the user, by the mailbox, of everybody. */
export function limitsOf(measure: Measure, own: QuotaLimits | undefined): QuotaLimits {
  return measure.limits ?? own ?? measure.standard
}
