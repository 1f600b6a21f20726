import { limits } from '../budget/limits.ts'
import type { Work } from '../budget/work.ts'
import { EveryHabit, type Habits } from '../habits/habits.ts'

/**
 * Yields each set of habits that makes a difference to something that is decoded or saved (`doing`), the common ones
 * first. If there are too many, the rest is unread.
 */
export function* eachHabits(doing: string, work: Work): Generator<Habits> {
  const every = new EveryHabit({ readings: limits.readings })
  for (let habits = every.next(); habits; habits = every.next()) yield habits
  if (every.isCut) work.leaveUnread(`more than ${limits.readings} ways of ${doing}`)
}
