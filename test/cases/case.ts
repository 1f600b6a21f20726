/**
 * A behaviour that every door shows: a message, how it is sent, the settings, and what
 * a user would notice. Doors run all of them; what differs between doors is how
 * "refused" is said.
 */
export interface Case {
  /** A sentence. */
  readonly name: string
  readonly message: (stage: Stage) => Buffer
  readonly sender?: string
  readonly recipients?: readonly string[]
  /** Environment of the door. */
  readonly settings: (stage: Stage) => Readonly<Record<string, string>>
  readonly expect: Expectation
  /** Set where a daemon with these settings does not start: why. */
  readonly noDaemon?: RegExp
}

export interface Expectation {
  readonly outcome: 'delivered' | 'refused' | 'deferred' | 'dropped'
  /** How often the counting scanner was run. */
  readonly scans?: number
  /** Value of the one X-QHPSI that came out; null for none. */
  readonly xQhpsi?: 'clean' | 'virus found' | null
  /** Stamps that came out and had not come in. */
  readonly newStamps?: number
  /** All of what came out, where each byte matters. */
  readonly delivered?: (sent: Buffer) => Buffer
  readonly recipients?: readonly string[]
  /** The ground under which it lies in the quarantine, whole, with all that is known of it. */
  readonly kept?: string
  /** The recipients for whom it is kept; all of them by default. */
  readonly keptFor?: readonly string[]
  /** In the text of a refusal, where the door can send one. */
  readonly text?: RegExp
  /** In the log line. */
  readonly log?: RegExp
}

/** What a case may use; each case has a fresh one. */
export interface Stage {
  /**
   * A command that counts its runs: infected where the message has the line `VIRUS`,
   * exit 7 where it has `TROUBLE`, clean otherwise.
   */
  readonly scanner: string
  /** Writes a file (mode 0600) and returns its path. */
  file(name: string, content: string | Buffer, mode?: number): string
  /** A directory that is empty and private, for QUARANTINE. */
  readonly quarantine: string
  /** Unix seconds. */
  readonly now: number
}

export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
