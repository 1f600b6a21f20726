import type { Oddity } from '../traits/oddities.ts'

/**
 * How a choice that is not the common one is combined with others in one reading: with any, with one more, with none,
 * or even with those that are combined with no other. Each combination costs a reading, so a choice of few programs, or
 * one about few bytes, is combined with few.
 */
type Combines = 'freely' | 'with one' | 'with none' | 'with all'

/**
 * The programs of a choice that is known from random messages alone: some programs open those, and no other choice
 * does.
 */
export const AT_RANDOM = 'found by random messages'

/** One way in which some programs read such a feature. */
interface Choice {
  /** The words are the identifier: code compares them. */
  readonly does: string
  /**
   * Programs known to do so. tools/bench/readers asked them: the packages of Debian 12, the npm packages of
   * package-lock.json, and libclamav 1.4, if the table gives no other version. `n of 15 readers` counts those that are
   * mail clients or libraries of one.
   */
  readonly programs?: string
  /** In place of the value of the row. */
  readonly combines?: Combines
  /** In place of that of the row. */
  readonly example?: string
}

/** Not the common choice: some program makes it. */
type OtherChoice = Choice & { readonly programs: string }

/** A feature of mail that mail programs read differently. */
export interface HabitRow {
  readonly place: string
  /** The common choice first. */
  readonly choices: readonly [Choice, OtherChoice, ...OtherChoice[]]
  /** Encoded content from which each other choice makes other bytes than the common one. */
  readonly example?: string
  /** The default is `freely`. */
  readonly combines?: Combines
  /**
   * Whether the feature is read in another way only if a reading with the common choices has seen it, too. Readings that
   * have lost track of groups of four meet the feature by accident: one that skipped a character of base64 soon finds
   * padding inside a group.
   */
  readonly needsCommonSight?: boolean
  /** The word for the log and for STRICTMIME if ordinary mail never has this feature. */
  readonly odd?: Oddity
}
