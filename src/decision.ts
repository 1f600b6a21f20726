/** One header field to add. `value` is latin1, holds no line end but folds ("\n " or "\n\t"). */
export interface HeaderField {
  readonly name: string
  readonly value: string
}

/** What to do to the header block; a door carries it out in its own protocol. */
export interface HeaderEdits {
  /** Lower-case names; every field of that name goes. */
  readonly remove: readonly string[]
  /** On top of the block, in this order. */
  readonly add: readonly HeaderField[]
}

/** Why a message is refused or deferred; doors choose their codes by it. */
export type Grounds =
  | 'virus'
  | 'banned' // local policy: a banned attachment
  | 'unscanned' // no scanner could tell
  | 'header-too-large'
  | 'nested-too-deep' // deeper, or with more in it, than scanners look
  | 'strange-mime' // what ordinary mail never has, and STRICTMIME keeps out
  | 'unclear-header' // a field must go, and readers disagree about where the header ends
  | 'over-quota' // of all recipients that the answer is for

export interface Reply {
  /** 4: try again; 5: do not. */
  readonly class: 4 | 5
  /** RFC 3463 status without its class digit's dot form left out: "5.7.1". */
  readonly enhanced: string
  /** Printable ASCII without the status code. */
  readonly text: string
  readonly grounds: Grounds
}

/** What the log tells beside the decision. */
export interface Findings {
  readonly scan: 'trusted' | 'clean' | 'infected' | 'unknown' | 'skipped'
  /** One line: why it was skipped, could not be told, was not trusted, … */
  readonly why: string
  /** The scanner that gave the verdict. */
  readonly scanner?: string
  readonly virus?: string
  /** What local policy does not want, as "attachment invoice.exe". */
  readonly banned?: string
  /** Traits by which readers of mail may differ about it, joined by commas. */
  readonly odd?: string
  /** Id of the key that vouched for the message, or that signed it. */
  readonly key?: string
  /** Milliseconds per stage. */
  readonly times: Readonly<Record<string, number>>
}

export type Decision =
  | {
      readonly kind: 'accept'
      readonly edits: HeaderEdits
      /** Set for quarantine: these instead of the envelope's. */
      readonly recipients?: readonly Buffer[]
      readonly findings: Findings
    }
  | { readonly kind: 'reject'; readonly reply: Reply; readonly findings: Findings }
  | { readonly kind: 'defer'; readonly reply: Reply; readonly findings: Findings }
  | { readonly kind: 'discard'; readonly findings: Findings }
