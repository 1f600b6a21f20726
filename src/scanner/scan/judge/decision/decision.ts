import type { QuarantineTarget } from '../../../../base/settings/table/infected-mail.ts'
import type { MailAddress } from '../../../../base/text/address.ts'
import type { Envelope } from '../../../../mail/message/envelope.ts'
import type { HeaderEdits } from '../../../../mail/message/header-block.ts'
import type { Grounds, Reply } from '../../replies/reply.ts'
import type { Cause } from '../../scanners/findings/scan-result.ts'

/** The information in the log about a decision. */
export interface DecisionDetails {
  /** The outcome of the scan; `skipped` if there was none, or if a part of the message was not read. */
  readonly scan: 'trusted' | 'cached' | 'clean' | 'infected' | 'unknown' | 'skipped'
  /** One line: why the scan was skipped, why no stamp was trusted, why no scanner gave an answer, … */
  readonly reason: string
  /** The cause that metrics count, if the result is `unknown`. */
  readonly cause?: Cause
  /** The scanners that gave the result, joined by commas. */
  readonly scanner?: string
  readonly virus?: string
  /** The name of what is banned, as "attachment invoice.exe". */
  readonly banned?: string
  /** The oddities of the message (mail/mime/reports/oddities.ts), joined by commas. */
  readonly odd?: string
  /** The lines of onescan.policy that applied, joined by commas; `-` represents recipients without a line. */
  readonly rule?: string
  /** The line of the exception that let the message in. */
  readonly allowed?: number
  /** The id of the key of the trusted stamp or, without one, of the key that stamped the message here. */
  readonly key?: string
  /** The host that scanned a copy, if its verdict was cached. */
  readonly by?: string
  /** Seconds since that scan. */
  readonly age?: number
  /** Milliseconds per stage. */
  readonly times: Readonly<Record<string, number>>
}

export type Decision = SingleDecision | SplitDecision

/** A decision about a message for all of its recipients, or for a share of them. */
export type SingleDecision =
  | Acceptance
  | Refusal
  | Deferral
  | { readonly kind: 'discard'; readonly details: DecisionDetails }
  | QuarantineDecision

/** The message is accepted and passed on. */
export interface Acceptance {
  readonly kind: 'accept'
  readonly edits: HeaderEdits
  /** Set for VIRUSFORWARD: these get the message instead of the recipients of the envelope. */
  readonly recipients?: readonly MailAddress[]
  readonly details: DecisionDetails
}

/** The message is answered 5xx. */
export interface Refusal {
  readonly kind: 'reject'
  readonly reply: Reply
  readonly details: DecisionDetails
}

/** The message is answered 4xx. */
export interface Deferral {
  readonly kind: 'defer'
  readonly reply: Reply
  readonly details: DecisionDetails
}

/**
 * The message is neither delivered nor refused. The door keeps it, and reports success once it is on the
 * disk.
 */
export interface QuarantineDecision {
  readonly kind: 'quarantine'
  readonly quarantine: QuarantineTarget
  readonly grounds: Grounds
  /** The edits for an MTA that holds the message in its own queue. */
  readonly edits: HeaderEdits
  readonly details: DecisionDetails
  /** The id of the message in quarantine; set once it is on the disk. */
  readonly id?: string
  /** Set if it was quarantined before, for an earlier attempt to send it: it is not removed with this one. */
  readonly wasQuarantined?: boolean
}

/** The recipients have different decisions by onescan.policy, and the door can carry them out. */
export interface SplitDecision {
  readonly kind: 'split'
  readonly shares: readonly Share[]
  /** The index of the share of each recipient of the message, in the order of recipients. */
  readonly shareOf: readonly number[]
}

/** The decision for some recipients of a message. At most one share of a message is accepted. */
export interface Share {
  readonly decision: SingleDecision
  /** The envelope of the message, with these recipients alone. */
  readonly envelope: Envelope
}
