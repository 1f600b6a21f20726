import type { Oddity } from '../traits/oddities.ts'

/** One way in which some programs read such a feature. */
interface Choice {
  readonly does: string
  /**
   * Programs known to do so. tools/bench/readers asked them: the packages of Debian 12, the npm packages of
   * package-lock.json, and libclamav 1.4, if the table gives no other version. `n of 15 readers` counts those that are
   * mail clients or libraries of one. Without a program, some programs opened random messages that no other choice
   * opens.
   */
  readonly programs?: string
  /** The limit of the feature, for this choice alone. */
  readonly maxDifferences?: number
}

/** A feature of mail that mail programs read differently. */
export interface HabitEntry {
  readonly place: string
  /** The common choice first. */
  readonly choices: readonly [Choice, Choice, ...Choice[]]
  /**
   * Upper limit for the features that one reading reads in another way than the common one, if this feature is one of
   * them. With 1, it is combined with no other one: a NUL in quoted-printable is read in each way, but everything else
   * in the common way. This saves readings where few bytes or programs differ.
   */
  readonly maxDifferences?: number
  /**
   * Whether the choice is made before decoding begins, so that no `maxDifferences` includes it: some
   * readers cut characters of UTF-8 to one byte before they decode quoted-printable.
   */
  readonly isReadFirst?: boolean
  /**
   * Whether the feature is read in another way only if a reading with the common choices has seen it, too. Readings
   * that have lost their place see it by chance: one that skipped a character of base64 soon finds padding inside a
   * group of four.
   */
  readonly needsCommonSight?: boolean
  /** The word for the log and for STRICTMIME if ordinary mail never has this feature. */
  readonly odd?: Oddity
}
