import { limits } from '../budget/limits.ts'
import type { Oddity } from '../oddities.ts'
import { encodingHabits } from './encoding-habits.ts'
import { calendarHabits, savingHabits } from './file-habits.ts'
import type { HabitRow } from './habit-row.ts'

const table = { ...encodingHabits, ...savingHabits, ...calendarHabits }

/** The name of a feature that programs read differently: the first words of a row. */
export type Feature = keyof typeof table
/** What programs do with a feature, in the words of its table. */
export type Words<Name extends Feature> = (typeof table)[Name]['choices'][number]['does']

/** The choices of one program, by number, and the features that occurred. */
export class Habits {
  /** The choice for each feature where it differs from the common one. */
  readonly choices: ReadonlyMap<Feature, number>
  /** The features that occurred. */
  readonly #asked = new Set<Feature>()

  constructor(choices: ReadonlyMap<Feature, number> = new Map()) {
    this.choices = choices
  }

  /** Returns the habits of a program that makes these choices, and else the common ones. */
  static of(words: { readonly [Name in Feature]?: Words<Name> }): Habits {
    const named = Object.entries(words) as [Feature, string][]
    const numberOf = ([feature, word]: [Feature, string]) =>
      table[feature].choices.findIndex(({ does }) => does === word)
    return new Habits(new Map(named.map((choice) => [choice[0], numberOf(choice)])))
  }

  /** Whether all its choices are the common ones. */
  get isCommon(): boolean {
    return this.choices.size === 0
  }

  get asked(): ReadonlySet<Feature> {
    return this.#asked
  }

  /** The words for features that occurred and that ordinary mail never has. */
  get oddities(): readonly Oddity[] {
    return [...this.#asked].flatMap((feature) => {
      const { odd }: HabitRow = table[feature]
      return odd ? [odd] : []
    })
  }

  /**
   * Notes that a feature occurred, where the choice for it is made elsewhere or is known. So the content is also decoded
   * with each other choice.
   */
  note(feature: Feature): void {
    this.#asked.add(feature)
  }

  /** Notes that a feature occurred, and returns the choice for it, in the words of its table. */
  does<Name extends Feature>(feature: Name): Words<Name> {
    this.note(feature)
    return this.wouldDo(feature)
  }

  /**
   * Returns the choice for a feature without noting that it occurred. Where it occurs, note() has to follow:
   * otherwise no other choice is ever tried.
   */
  wouldDo<Name extends Feature>(feature: Name): Words<Name> {
    return table[feature].choices[this.choices.get(feature) ?? 0]!.does
  }

  /**
   * Yields the choices to try next: each one that, added to the choices made here, may change what some program reads.
   * Its feature occurred, and its choice is not made yet. `common` has the features that occurred with the common choices.
   */
  *further(common: Habits): Generator<readonly [Feature, number]> {
    const made = [...this.choices]
    for (const feature of this.#asked) {
      if (this.choices.has(feature) || (needsCommonSight(feature) && !common.#asked.has(feature)))
        continue
      for (let choice = 1; choice < table[feature].choices.length; choice++) {
        if (areOfOne([...made, [feature, choice]])) yield [feature, choice]
      }
    }
  }
}

/** Returns whether one program makes all these choices. */
function areOfOne(choices: readonly (readonly [Feature, number])[]): boolean {
  const [first, ...others] = choices.map(programsOf)
  return first!.some((program) => others.every((names) => names.includes(program)))
}

function programsOf([feature, choice]: readonly [Feature, number]): readonly string[] {
  const row: HabitRow = table[feature]
  return row.choices[choice]!.programs ?? []
}

function needsCommonSight(feature: Feature): boolean {
  const row: HabitRow = table[feature]
  return row.needsCommonSight === true
}

/**
 * All habits that make a difference to what is encoded or saved, those that differ least from the common ones first, up to
 * a limit.
 */
export class EveryHabit {
  readonly #known = new Set<string>()
  readonly #waiting: ReadonlyMap<Feature, number>[] = [new Map()]
  #common: Habits | undefined
  #last: Habits | undefined
  readonly #most: number
  #count = 0
  /** Whether there are more ways than are tried. */
  isCut = false

  /** `most` is the upper limit for those other than the common ones. */
  constructor(most: number = limits.ways) {
    this.#most = most
  }

  /** Returns the next habits, after the last ones were used, or undefined if there are no more, or too many. */
  next(): Habits | undefined {
    if (this.#common && this.#last) this.#note(this.#last, this.#common)
    const choices = this.#waiting.shift()
    if (choices === undefined) return undefined
    if (this.#count > this.#most) {
      this.isCut = true
      return undefined
    }
    this.#count++
    this.#last = new Habits(choices)
    this.#common ??= this.#last
    return this.#last
  }

  #note(habits: Habits, common: Habits): void {
    const made = [...habits.choices]
    const keys = made.map(keyOf)
    for (const choice of habits.further(common)) {
      // More sets wait already than may be tried.
      if (this.#waiting.length > this.#most) return
      const key = [...keys, keyOf(choice)].sort().join('')
      if (this.#known.has(key)) continue
      this.#known.add(key)
      this.#waiting.push(new Map([...made, choice]))
    }
  }
}

const numbers = new Map(Object.keys(table).map((feature, number) => [feature, number]))

/** Returns a character for a choice: no feature has more than sixteen. */
function keyOf([feature, choice]: readonly [Feature, number]): string {
  return String.fromCharCode((numbers.get(feature)! << 4) | choice)
}
