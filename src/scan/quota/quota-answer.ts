import type { MailAddress } from '../../mail/message/envelope/address.ts'

/**
 * The answer to a question about a mailbox. It has four forms on its way to a door:
 * onescan-quotad reads a `MailboxReading` from the disk or from another service
 * (quota/tell/sources), adds its source in a `MailboxAnswer`, and sends words. The client turns
 * them into a `ServiceReply`, which is this answer or a failure, and remembers a `DatedAnswer`,
 * which also has the backend and the time until which it holds.
 */
export type QuotaAnswer =
  | { readonly answer: 'room'; readonly usage?: Usage }
  | { readonly answer: 'full'; readonly usage?: Usage }
  | { readonly answer: 'no-such-user' }
  /** There was no answer in time or a broken one, or the mailbox cannot be read. Never full. */
  | { readonly answer: 'unknown'; readonly why: string }

/** How full a mailbox is, in bytes. */
export interface Usage {
  readonly size: number
  /** Absent if it is unlimited, or if the service did not tell it. */
  readonly quota?: number
}

/** An answer, and the backend that gave it. */
export interface SourcedAnswer {
  readonly answer: QuotaAnswer
  /** The backend as the settings name it; undefined if none is known. */
  readonly source: string | undefined
  /** Whether neither a backend nor a map knows the mailbox. */
  readonly isUnknownUser: boolean
}

/** An answer with details for people. */
export interface ExplainedAnswer extends SourcedAnswer {
  /**
   * The mailbox that was found after an extension was cut off the address, latin1; undefined if it
   * is the address itself.
   */
  readonly mailbox?: string | undefined
}

/**
 * Asks whether a mailbox has room for `incoming` bytes more, or for any message if the protocol did
 * not tell its size. Never rejects, and answers within the timeout of the settings.
 */
export type AskQuota = (address: MailAddress, incoming?: number) => Promise<QuotaAnswer>

/** What a door uses to ask about mailboxes. */
export interface QuotaLookup {
  readonly ask: AskQuota
  /** Whether mail of relay clients is asked about, too. */
  readonly askForRelayClients: boolean
}

/** A lookup for doors that wait for the answers about all recipients together. */
export interface TimedLookup extends QuotaLookup {
  /** Milliseconds for a question. */
  readonly timeout: number
}
