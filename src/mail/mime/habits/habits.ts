import { limits, type ReadingBudget } from '../budget/limits.ts'
import type { Oddity } from '../traits/oddities.ts'
import { calendarHabits } from './calendar-habits.ts'
import { encodingHabits } from './encoding-habits.ts'
import { formHabits } from './form-habits.ts'
import type { HabitEntry } from './habit-entry.ts'
import { structureHabits } from './structure-habits.ts'

const habitTable = { ...structureHabits, ...encodingHabits, ...formHabits, ...calendarHabits }

export type Habit = keyof typeof habitTable
/** What programs do with a feature, in the words of its table. */
export type Words<Name extends Habit> = (typeof habitTable)[Name]['choices'][number]['does']

/** The choices of one reader, by number, and the features that occurred. */
export class Habits {
  /** The choice for each feature where it differs from the common one. */
  readonly choices: ReadonlyMap<Habit, number>
  /** The features that occurred, and whether programs that make the common choices see the occurrence. */
  readonly #asked = new Map<Habit, boolean>()
  #questions = 0

  constructor(choices: ReadonlyMap<Habit, number> = new Map()) {
    this.choices = choices
  }

  /** Returns the habits of a reader that makes these choices, and else the common ones. */
  static of(words: { readonly [Name in Habit]?: Words<Name> }): Habits {
    const named = Object.entries(words) as [Habit, string][]
    const numberOf = ([habit, word]: [Habit, string]) =>
      habitTable[habit].choices.findIndex(({ does }) => does === word)
    return new Habits(new Map(named.map((choice) => [choice[0], numberOf(choice)])))
  }

  /** Whether all its choices are the common ones. */
  get isCommon(): boolean {
    return this.choices.size === 0
  }

  get asked(): ReadonlySet<Habit> {
    return new Set(this.#asked.keys())
  }

  /** The number of requests for a choice until now. */
  get questions(): number {
    return this.#questions
  }

  /** The words for features that occurred and that ordinary mail never has. */
  get oddities(): readonly Oddity[] {
    return [...this.#asked].flatMap(([habit, isSeenByMost]) => {
      const entry: HabitEntry = habitTable[habit]
      return isSeenByMost && entry.odd ? [entry.odd] : []
    })
  }

  /**
   * Notes that a feature occurred, where the choice for it is made elsewhere or is known. So the mail is also read with
   * each other choice.
   */
  note(habit: Habit, isSeenByMost = true): void {
    this.#questions++
    this.#asked.set(habit, isSeenByMost || this.#asked.get(habit) === true)
  }

  /** Notes that a feature occurred, and returns the choice for it, in the words of its table. */
  does<Name extends Habit>(habit: Name, isSeenByMost = true): Words<Name> {
    this.note(habit, isSeenByMost)
    return this.wouldDo(habit)
  }

  /**
   * Returns the choice for a feature without noting that it occurred. Where it occurs, note() has to follow:
   * otherwise no other choice is ever tried.
   */
  wouldDo<Name extends Habit>(habit: Name): Words<Name> {
    return habitTable[habit].choices[this.choices.get(habit) ?? 0]!.does
  }

  /**
   * Yields the choices to try next: each one that, added to the choices made here, may change what was read. Its feature
   * occurred, and its choice is not made yet. `common` has the features that occurred with the common choices.
   */
  *further(common: Habits): Generator<readonly [Habit, number]> {
    const made = [...this.choices]
    const max = Math.min(...made.map(([habit, choice]) => maxDifferences(habit, choice)))
    const count = made.filter(([habit]) => counts(habit)).length
    for (const habit of this.#asked.keys()) {
      if (this.choices.has(habit) || (needsCommonSight(habit) && !common.#asked.has(habit)))
        continue
      const differences = count + (counts(habit) ? 1 : 0)
      if (differences > max) continue
      for (let choice = 1; choice < habitTable[habit].choices.length; choice++) {
        if (differences <= maxDifferences(habit, choice)) yield [habit, choice]
      }
    }
  }
}

/** Returns the upper limit for the features that a reading with this choice reads in another way than the common one. */
function maxDifferences(habit: Habit, choice: number): number {
  const entry: HabitEntry = habitTable[habit]
  return entry.choices[choice]!.maxDifferences ?? entry.maxDifferences ?? Number.POSITIVE_INFINITY
}

function needsCommonSight(habit: Habit): boolean {
  const entry: HabitEntry = habitTable[habit]
  return entry.needsCommonSight === true
}

function counts(habit: Habit): boolean {
  const entry: HabitEntry = habitTable[habit]
  return entry.isReadFirst !== true
}

/**
 * All habits that make a difference to the reading of one mail, or of what is encoded, those that differ least from the
 * common ones first.
 */
export class EveryHabit {
  /** Holds what may be read in other ways than the common one, for a message and all messages in it together. */
  readonly #budget: Pick<ReadingBudget, 'readings'>
  readonly #known = new Set<string>()
  readonly #waiting: ReadonlyMap<Habit, number>[] = [new Map()]
  #common: Habits | undefined
  #last: Habits | undefined
  /** The number of habits so far. */
  count = 0
  /** Whether a mail may be read in more ways than are tried. */
  isCut = false

  constructor(budget: Pick<ReadingBudget, 'readings'>) {
    this.#budget = budget
  }

  /**
   * Returns the next habits, after the mail was read with the last ones, or undefined if there are no more,
   * or too many.
   */
  next(): Habits | undefined {
    if (this.#common && this.#last) this.#note(this.#last, this.#common)
    const choices = this.#waiting.shift()
    if (choices === undefined) return undefined
    // The common reading of a mail is paid for by its bytes.
    if (choices.size > 0 && this.#budget.readings-- <= 0) {
      this.isCut = true
      return undefined
    }
    this.count++
    this.#last = new Habits(choices)
    this.#common ??= this.#last
    return this.#last
  }

  #note(habits: Habits, common: Habits): void {
    const made = [...habits.choices]
    const keys = made.map(keyOf)
    for (const choice of habits.further(common)) {
      // More sets wait already than may be tried.
      if (this.#waiting.length > limits.readings) return
      const key = [...keys, keyOf(choice)].sort().join('')
      if (this.#known.has(key)) continue
      this.#known.add(key)
      this.#waiting.push(new Map([...made, choice]))
    }
  }
}

const numbers = new Map(Object.keys(habitTable).map((habit, number) => [habit, number]))

/** Returns a character for a choice: no feature has more than sixteen. */
function keyOf([habit, choice]: readonly [Habit, number]): string {
  return String.fromCharCode((numbers.get(habit)! << 4) | choice)
}
