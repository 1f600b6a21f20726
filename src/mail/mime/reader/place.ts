import type { Habits } from '../habits/habits.ts'
import type { Encoding } from '../headers/encodings.ts'
import type { Delimiter } from './delimiter-search.ts'
import type { Depth } from './depth.ts'
import type { SeenBy } from './found.ts'
import type { HeaderOf } from './header-reading.ts'

/** What the reading of a header or a body needs of its surroundings. */
export interface Surroundings {
  readonly of: HeaderOf
  readonly depth: Depth
  /** The encodings of the multiparts around it. */
  readonly outerEncodings: readonly Encoding[]
  /** Which programs see the place where it begins. */
  readonly seenBy: SeenBy
}

/** A place that a reading has entered. */
export interface Place extends Surroundings {
  /**
   * The number of questions that had been asked of the habits where it begins. If more have been asked since, programs
   * differ about what was read since.
   */
  readonly questions: number
}

/** Returns a place that is entered now. */
export function enter(surroundings: Surroundings, { questions }: Habits): Place {
  return { ...surroundings, questions }
}

/** Returns which programs see a place and all that was read of it up to now, in one way. */
export function seenByNow({ seenBy, questions, outerEncodings }: Place, habits: Habits): SeenBy {
  if (!habits.isCommon || outerEncodings.length > 0) return 'some'
  return habits.questions > questions ? disputed(seenBy) : seenBy
}

export function disputed(seenBy: SeenBy): SeenBy {
  return seenBy === 'all' ? 'most' : seenBy
}

/** Returns the surroundings of what begins at a delimiter. */
export function behind({ isDisputed }: Delimiter, surroundings: Surroundings): Surroundings {
  if (!isDisputed) return surroundings
  return { ...surroundings, seenBy: disputed(surroundings.seenBy) }
}
