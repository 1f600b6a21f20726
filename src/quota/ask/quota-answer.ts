import type { MailAddress } from '../../message/envelope/address.ts'

/**
 * What is known about a mailbox, from the service to the reply of a door. onescan-quotad reads
 * it from the disk or from another service as a `Reading` (quota/tell/sources), keeps it with where
 * it comes from as a `MailboxFinding`, and sends it as words. Here it becomes a `ServiceReply`, which
 * is this answer or a failure, and a `GivenAnswer`, which tells from whom and for how long.
 * Sizes are bytes; a quota that is absent is unlimited or was not told (the plain UDP answer
 * tells neither).
 */
export type QuotaAnswer =
  | { readonly answer: 'room'; readonly usage?: Usage }
  | { readonly answer: 'full'; readonly usage?: Usage }
  | { readonly answer: 'no-such-user' }
  /** No answer in time, a broken one, a mailbox that cannot be read. Never counts as full. */
  | { readonly answer: 'unknown'; readonly why: string }

export interface Usage {
  readonly size: number
  readonly quota?: number
}

/** An answer, with where it comes from. */
export interface Sourced {
  readonly answer: QuotaAnswer
  /** The backend, as it was configured; undefined if none is known. */
  readonly source: string | undefined
  /** Whether there is no such mailbox, as far as anybody knows. */
  readonly isNobodys: boolean
}

/** The same for people. */
export interface Explained extends Sourced {
  /**
   * Latin1. The mailbox that was found instead of the address, without its extension; undefined if
   * it is the address.
   */
  readonly mailbox?: string | undefined
  /**
   * Milliseconds: the age of a remembered answer, and how long it still holds; undefined for a
   * fresh one.
   */
  readonly cached: { readonly age: number; readonly left: number } | undefined
}

/**
 * Asks whether a mailbox has room, for `incoming` bytes more where the protocol told the
 * size of the message. Never rejects, and answers within its own deadline.
 */
export type AskQuota = (address: MailAddress, incoming?: number) => Promise<QuotaAnswer>

/** Whom a door asks about mailboxes, and for whose mail. */
export interface QuotaLookup {
  readonly ask: AskQuota
  /** Whether recipients are asked about, too, if the client may relay or has authenticated. */
  readonly askForRelayClients: boolean
}

/** A lookup for doors that wait for all answers together. */
export interface TimedLookup extends QuotaLookup {
  /** Milliseconds for a question. */
  readonly timeout: number
}
