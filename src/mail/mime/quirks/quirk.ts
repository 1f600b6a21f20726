import type { Oddity } from '../reports/oddities.ts'

/**
 * A program whose choices are known. tools/bench/readers asked them: the packages of Debian 12, the npm packages of
 * package-lock.json and older ones of them, libclamav 1.4, and Thunderbird 153. `Python` is its email, `Ruby`
 * its mail, and `PHP` its mailparse.
 */
export type Program =
  | 'c-client'
  | 'Camel'
  | 'Email::MIME'
  | 'GMime'
  | 'GNU mailutils'
  | 'GnuPG'
  | 'Gnus'
  | 'Go'
  | 'gpgsm'
  | 'icalendar'
  | 'JavaMail'
  | 'KMime'
  | 'libclamav'
  | 'libEtPan'
  | 'libical'
  | 'mailparser'
  | 'mime4j'
  | 'MIME::Parser'
  | 'munpack'
  | 'mutt'
  | 'nmh'
  | 'PHP'
  | 'postal-mime'
  | 'Python'
  | 'qmail-remote'
  | 'reformime'
  | 'ripmime'
  | 'Ruby'
  | 'Thunderbird'
  | 'uudeview'
  | 'VMime'
  | 'vobject'

/** Programs without a name: some open random messages that no choice but this one opens. They count as one program. */
export const UNNAMED = 'found by random messages'

/** What some programs do about a quirk. */
interface Choice {
  /** The words are the identifier: code compares them. */
  readonly does: string
  /**
   * The programs known to do so. One way has several choices if one program makes them all. So each program of the
   * tables has a way, and those of different programs are not mixed.
   */
  readonly programs?: readonly (Program | typeof UNNAMED)[]
  /** An example for this choice, in place of that of the row. */
  readonly example?: string
}

/** Not the common choice: some program makes it. */
type OtherChoice = Choice & Required<Pick<Choice, 'programs'>>

/** Something in mail that mail programs read differently. The comment of its row states where it is. */
export interface Quirk {
  /** The common choice comes first: the one that shows most of a message, not always what most programs do. */
  readonly choices: readonly [Choice, OtherChoice, ...OtherChoice[]]
  /** Encoded content from which each other choice makes other bytes than the common one. */
  readonly example?: string
  /**
   * Whether other choices are tried only if the common way meets the quirk. A way that is out of step with the groups of
   * four meets it by accident: one that skipped a character of base64 soon finds padding inside a group.
   */
  readonly mustMeetFirst?: boolean
  /** The word for the log and for STRICTMIME if ordinary mail never has this quirk. */
  readonly oddity?: Oddity
}
