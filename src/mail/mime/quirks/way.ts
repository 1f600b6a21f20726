import { limits } from '../budget/limits.ts'
import type { Work } from '../budget/work.ts'
import type { Oddity } from '../reports/oddities.ts'
import { calendarQuirks } from './calendar-quirks.ts'
import { encodingQuirks } from './encoding-quirks.ts'
import type { Quirk } from './quirk.ts'

const table = { ...encodingQuirks, ...calendarQuirks }

export type QuirkName = keyof typeof table
/** What programs do about a quirk, in the words of its table. */
export type ChoiceOf<Name extends QuirkName> = (typeof table)[Name]['choices'][number]['does']

/** One way of decoding a content: the choices of one program, by number, and the quirks that were met. */
export class Way {
  /** The choice for each quirk where it differs from the common one. */
  readonly choices: ReadonlyMap<QuirkName, number>
  readonly #met = new Set<QuirkName>()

  constructor(choices: ReadonlyMap<QuirkName, number> = new Map()) {
    this.choices = choices
  }

  /** Returns the way of a program that makes these choices, and else the common ones. */
  static of(words: { readonly [Name in QuirkName]?: ChoiceOf<Name> }): Way {
    const named = Object.entries(words) as [QuirkName, string][]
    const numberOf = (quirk: QuirkName, word: string) =>
      table[quirk].choices.findIndex(({ does }) => does === word)
    return new Way(new Map(named.map(([quirk, word]) => [quirk, numberOf(quirk, word)])))
  }

  get met(): ReadonlySet<QuirkName> {
    return this.#met
  }

  /** The words for the quirks that were met and that ordinary mail never has. */
  get oddities(): readonly Oddity[] {
    return [...this.#met].flatMap((quirk) => rowOf(quirk).odd ?? [])
  }

  /** Notes that a quirk was met whose choice is made elsewhere or is known: each other choice is tried, too. */
  note(quirk: QuirkName): void {
    this.#met.add(quirk)
  }

  /** Notes that a quirk was met, and returns the choice for it. */
  does<Name extends QuirkName>(quirk: Name): ChoiceOf<Name> {
    this.note(quirk)
    return this.peek(quirk)
  }

  /** Returns the choice for a quirk that may not be met. Where it is met, note() has to follow, or no other is tried. */
  peek<Name extends QuirkName>(quirk: Name): ChoiceOf<Name> {
    return table[quirk].choices[this.choices.get(quirk) ?? 0]!.does
  }
}

/**
 * Yields each way that makes a difference to what is decoded or saved (`doing`), the common one first. If there are too
 * many, the rest is unread.
 */
export function* eachWay(doing: string, work: Work): Generator<Way> {
  if (yield* everyWay()) work.leaveUnread(`more than ${limits.ways} ways of ${doing}`)
}

/**
 * Yields each way that makes a difference, those that differ least from the common one first: at most `most` others. Each
 * must be used before the next one is requested. Returns whether there are more.
 */
export function* everyWay(most: number = limits.ways): Generator<Way, boolean> {
  const common = new Way()
  const found = [common]
  const known = new Set<string>()
  for (let number = 0; number < found.length; number++) {
    if (number > most) return true
    const way = found[number]!
    yield way
    const made = [...way.choices]
    const keys = made.map(keyOf)
    for (const choice of choicesBeside(way, common)) {
      const key = [...keys, keyOf(choice)].sort().join('')
      if (known.has(key) || found.length > most + 1) continue
      known.add(key)
      found.push(new Way(new Map([...made, choice])))
    }
  }
  return false
}

type NumberedChoice = readonly [QuirkName, number]

/** Yields each choice that some program makes beside those of a way, about a quirk that was met there. */
function* choicesBeside(way: Way, common: Way): Generator<NumberedChoice> {
  const made = [...way.choices]
  for (const quirk of way.met) {
    const { choices, mustMeetFirst } = rowOf(quirk)
    if (way.choices.has(quirk) || (mustMeetFirst && !common.met.has(quirk))) continue
    for (let choice = 1; choice < choices.length; choice++)
      if (areOfOne([...made, [quirk, choice]])) yield [quirk, choice]
  }
}

/** Returns whether one program makes all these choices. */
function areOfOne(choices: readonly NumberedChoice[]): boolean {
  const [first, ...others] = choices.map(([quirk, number]) => {
    const { programs = [] } = rowOf(quirk).choices[number]!
    return programs as readonly string[]
  })
  return first!.some((program) => others.every((names) => names.includes(program)))
}

function rowOf(quirk: QuirkName): Quirk {
  return table[quirk]
}

const numbers = new Map(Object.keys(table).map((quirk, number) => [quirk, number]))

/** Returns a character for a choice: no quirk has more than sixteen. */
function keyOf([quirk, choice]: NumberedChoice): string {
  return String.fromCharCode((numbers.get(quirk)! << 4) | choice)
}
