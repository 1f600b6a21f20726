import type { Oddity } from '../traits/oddities.ts'

/** One way in which some programs read such a feature. */
interface Choice {
  readonly does: string
  /** Programs known to do so, or how many of 15 readers did in a test with such a message. */
  readonly programs?: string
  /** The limit of this choice alone, as that of the feature. */
  readonly together?: number
}

/** A feature of mail that mail programs read differently. */
export interface HabitEntry {
  readonly place: string
  /** The common choice first. */
  readonly choices: readonly [Choice, Choice, ...Choice[]]
  /**
   * Upper limit for the features that one reading reads in another way than the common one, if this is among them. It
   * keeps the readings few where the bytes that differ are few, or the programs.
   */
  readonly together?: number
  /** Whether it is read before all others, and is not one of these. */
  readonly isBefore?: boolean
  /**
   * Whether readers that have lost their place see it by chance, so that it is only read otherwise where those with the
   * common habits see it, too.
   */
  readonly isChance?: boolean
  /** The word for the log and for STRICTMIME if ordinary mail never has this feature. */
  readonly odd?: Oddity
}
