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
  /** The last quirk that was met: often it is met again and again. */
  #last: QuirkName | undefined

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
    return [...this.#met].flatMap((quirk) => rowOf(quirk).oddity ?? [])
  }

  /** Notes that a quirk was met whose choice is made elsewhere or is known: each other choice is tried, too. */
  note(quirk: QuirkName): void {
    if (quirk !== this.#last) this.#met.add(quirk)
    this.#last = quirk
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

type Choices = ReadonlyMap<QuirkName, number>

/**
 * Yields each way that makes a difference: the common one, and that of each program, with all choices that it makes about
 * the quirks that are met. Each must be used before the next one is requested.
 */
export function* eachWay(): Generator<Way> {
  const common = new Way()
  yield common
  const done = new Set([''])
  for (const program of programs) {
    const met = new Set(common.met)
    // With its choices a program may meet further quirks.
    for (let before = -1; before < met.size; ) {
      before = met.size
      const choices = new Map([...program].filter(([quirk]) => met.has(quirk)))
      const key = [...choices].join()
      if (done.has(key)) break
      done.add(key)
      const way = new Way(choices)
      yield way
      for (const quirk of way.met) if (!rowOf(quirk).mustMeetFirst) met.add(quirk)
    }
  }
}

function rowOf(quirk: QuirkName): Quirk {
  return table[quirk]
}

/** The choices of each program about all quirks: several lists if it has several about one quirk. */
const programs: readonly Choices[] = (() => {
  const all = new Map<string, Map<QuirkName, number>[]>()
  for (const quirk of Object.keys(table) as QuirkName[])
    for (const [number, { programs: named = [] }] of rowOf(quirk).choices.entries())
      for (const program of number > 0 ? named : []) {
        const lists = all.get(program) ?? []
        all.set(program, lists)
        const list = lists.find((made) => !made.has(quirk))
        if (list) list.set(quirk, number)
        else lists.push(new Map([[quirk, number]]))
      }
  return [...all.values()].flatMap((lists) => lists.map((list) => new Map([...lists[0]!, ...list])))
})()
