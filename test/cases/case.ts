/** A message, and how it is sent. */
export interface Mail {
  readonly message: (stage: Stage) => Buffer
  readonly sender?: string
  readonly recipients?: readonly string[]
}

/**
 * A behaviour that every door shows: a message, how it is sent, the settings, and what
 * a user would notice. Doors run all of them; what differs between doors is how
 * "refused" is expressed.
 */
export interface Case extends Mail {
  /** A sentence about the behaviour. */
  readonly name: string
  /** What was sent before under the same settings. What is expected holds for each of these messages, too. */
  readonly earlier?: readonly Mail[]
  /** The environment of the door. */
  readonly settings: (stage: Stage) => Readonly<Record<string, string>>
  readonly expect: Expectation
  /** Set if onescand does not start with these settings: the reason that it logs. */
  readonly noDaemon?: RegExp
}

export interface Expectation {
  readonly outcome: 'delivered' | 'refused' | 'deferred' | 'dropped'
  /** How often the counting scanner was run. */
  readonly scans?: number
  /** The value of the only X-QHPSI that came out; null if there is none. */
  readonly xQhpsi?: 'clean' | 'virus found' | null
  /** The number of stamps that were added. */
  readonly newStamps?: number
  /** The whole message that came out, if each byte matters. */
  readonly delivered?: (sent: Buffer) => Buffer
  readonly recipients?: readonly string[]
  /** The ground under which the whole message is kept in quarantine. */
  readonly kept?: string
  /** The number of messages that are in quarantine then; by default 1 if `kept` is set. */
  readonly keptMessages?: number
  /** The recipients for whom it is kept; by default all. */
  readonly keptFor?: readonly string[]
  /** Matches the text of a refusal, if the door can send one. */
  readonly text?: RegExp
  /** Matches the log line. */
  readonly log?: RegExp
}

/** What a case may use; each case has a fresh one. */
export interface Stage {
  /**
   * A command that counts its runs. It finds a virus if the message has the line `VIRUS`, NAME if it has
   * `NAMED NAME`, ends with 7 if it has `TROUBLE`, and otherwise finds nothing.
   */
  readonly scanner: string
  /** Writes a file (mode 0600) and returns its path. */
  file(name: string, content: string | Buffer, mode?: number): string
  /** Writes onescan.policy, and returns the directory that it is in, for CONTROLDIR. */
  rules(lines: string): string
  /** An empty private directory, for QUARANTINE. */
  readonly quarantine: string
  /** Unix seconds. */
  readonly now: number
}

/** Settings by which the counting scanner scans, and more. */
export const scanning =
  (more: Readonly<Record<string, string>> = {}): Case['settings'] =>
  ({ scanner }) => ({ QHPSI: scanner, ...more })

export const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
