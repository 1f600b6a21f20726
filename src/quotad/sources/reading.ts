import type { MailboxUsage, QuotaLimits } from './limits.ts'
import type { MailboxLocation } from './mailbox.ts'

/** What a source says about a mailbox. */
export type MailboxReading =
  | {
      readonly found: 'usage'
      readonly usage: MailboxUsage
      /** The limits that the mailbox itself has. */
      readonly limits?: QuotaLimits | undefined
      /** The source in a word for people: `maildirsize`, `walk`. */
      readonly source: string
    }
  /** Another service has compared size and limits, and tells no numbers. */
  | { readonly found: 'compared'; readonly full: boolean; readonly source: string }
  | { readonly found: 'no-such-user' }
  /** There is no mailbox at that path, or not yet. */
  | { readonly found: 'no-mailbox' }
  /** The mailbox could not be read; `why` is the reason. */
  | { readonly found: 'trouble'; readonly why: string }

/** What a mailbox is measured against. */
export interface Measure {
  /** Bytes of the message that is to come; 0 if its size is unknown. */
  readonly incoming: number
  /** The limits that the administrator set for the user; they overrule those of the mailbox. */
  readonly limits?: QuotaLimits | undefined
  /** The limits of users for whom no other limits are known. */
  readonly defaultLimits: QuotaLimits
  /** Milliseconds that the question has waited for the list of users. */
  readonly waited?: number
}

/** Reads mailboxes of one kind. Never rejects. */
export type ReadMailbox = (
  mailbox: MailboxLocation,
  measure: Measure,
) => MailboxReading | Promise<MailboxReading>

/** The limits that count: those of the user, else those of the mailbox, else the default ones. */
export function limitsOf(measure: Measure, mailboxLimits: QuotaLimits | undefined): QuotaLimits {
  return measure.limits ?? mailboxLimits ?? measure.defaultLimits
}
