import type { HeaderEdits } from '../message/edits.ts'
import type { MailAddress } from '../message/envelope/address.ts'
import type { Envelope } from '../message/envelope/envelope.ts'
import type { QuarantinePolicy } from '../quarantine/quarantine-policy.ts'
import type { Cause } from '../scan/shared/cause.ts'

/** Why a message is refused or deferred; doors choose their codes by it. */
export const GROUNDS = [
  'virus',
  'banned', // local policy: a banned attachment
  'policy', // a line of onescan.policy, whatever is in it
  'unscanned', // no scanner could tell
  'header-too-large',
  'nested-too-deep', // deeper than scanners look
  'too-much-inside', // more contents, or larger ones, than scanners or a second look look at
  'strange-mime', // what ordinary mail never has, and STRICTMIME keeps out
  'too-large', // than this host takes
  'bare-newline', // a CR or LF alone, where servers could differ about the end of the message
  'unclear-header', // a field must go, and readers disagree about where the header ends
  'too-many-hops', // it has been through more servers than mail goes through
  'over-quota', // of all recipients that the answer is for
] as const
export type Grounds = (typeof GROUNDS)[number]

export interface Reply {
  /** 4: try again later; 5: never. */
  readonly class: 4 | 5
  /** The RFC 3463 status: "5.7.1". */
  readonly enhanced: string
  /** Printable ASCII without the status code. */
  readonly text: string
  readonly grounds: Grounds
}

/** What the log says besides the decision. */
export interface Findings {
  readonly scan: 'trusted' | 'known' | 'clean' | 'infected' | 'unknown' | 'skipped'
  /** One line: why it was skipped, was not trusted, why no scanner could tell, … */
  readonly why: string
  /** Of `unknown`: the cause that metrics count. */
  readonly cause?: Cause
  /** The scanner that gave the verdict. */
  readonly scanner?: string
  readonly virus?: string
  /** What local policy refuses, as "attachment invoice.exe". */
  readonly banned?: string
  /** Traits by which readers of mail may differ about it, joined by commas. */
  readonly odd?: string
  /** Lines of onescan.policy by which it was judged, joined by commas; `-` for recipients without any. */
  readonly rule?: string
  /** The line of the exception that let it in. */
  readonly allowed?: number
  /** Id of the key that vouched for the message, or that signed it. */
  readonly key?: string
  /** For `known`: the host whose scanners said it of a copy, and how many seconds ago. */
  readonly by?: string
  readonly age?: number
  /** Milliseconds per stage. */
  readonly times: Readonly<Record<string, number>>
}

export type Decision = SingleDecision | SplitDecision

/** About a message as a whole, or about some of its recipients. */
export type SingleDecision =
  | {
      readonly kind: 'accept'
      readonly edits: HeaderEdits
      /** Set for quarantine: these instead of the envelope's. */
      readonly recipients?: readonly MailAddress[]
      readonly findings: Findings
    }
  | { readonly kind: 'reject'; readonly reply: Reply; readonly findings: Findings }
  | { readonly kind: 'defer'; readonly reply: Reply; readonly findings: Findings }
  | { readonly kind: 'discard'; readonly findings: Findings }
  | QuarantineDecision

/** Neither delivered nor refused: the door keeps it, and says that it was taken once it is on the disk. */
export interface QuarantineDecision {
  readonly kind: 'quarantine'
  readonly place: QuarantinePolicy
  readonly grounds: Grounds
  /** The MTA itself holds it, as it is in its queue. */
  readonly edits: HeaderEdits
  readonly findings: Findings
  /** The name under which it is kept; set when it is on the disk. */
  readonly id?: string
}

/** By onescan.policy recipients have different answers, and the door can give them. */
export interface SplitDecision {
  readonly kind: 'split'
  readonly shares: readonly Share[]
  /** For each recipient of the message, in their order, the place of its share among `shares`. */
  readonly shareOf: readonly number[]
}

/** What becomes of a message for some of its recipients. At most one share is accepted. */
export interface Share {
  readonly decision: SingleDecision
  /** The message's own, with these recipients alone. */
  readonly envelope: Envelope
}
