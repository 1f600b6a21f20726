import { limits, type ReadingBudget } from '../budget/limits.ts'
import type { Oddity } from '../traits/oddities.ts'

/** One way in which some programs read such a feature. */
interface Choice {
  readonly does: string
  /** Programs known to do so, or how many of 15 readers did in a test with such a mail. */
  readonly programs?: string
}

/** A feature of mail that mail programs read differently. */
interface HabitEntry {
  readonly place: string
  /** The common choice first. */
  readonly choices: readonly [Choice, Choice, ...Choice[]]
  /** The word for the log and for STRICTMIME if ordinary mail never has this feature. */
  readonly odd?: Oddity
}

/**
 * The features of a mail's structure that mail programs read differently. A reading (reading.ts) asks for a
 * choice at each occurrence, and makes the same choice for each feature throughout. A further quirk of a mail
 * program needs one more row, and one more question in the reading.
 *
 * The programs were tested with the packages of Debian 12 and the npm packages of package-lock.json, by
 * tools/bench/readers. libclamav is 1.4. Where no program is named, some programs opened random mails that no
 * other choice opens.
 */
export const habitTable = {
  'bare CR': {
    place: 'a CR without an LF behind it',
    choices: [
      { does: 'is a character like others' },
      { does: 'ends a line', programs: "Python's email, qmail-remote" },
    ],
  },
  'blank top': {
    place: 'empty lines above the header of a mail',
    choices: [{ does: 'are skipped' }, { does: 'end an empty header' }],
  },
  'empty line': {
    place: 'an empty line that ends differently from the lines above: CR LF behind LF, or CR CR LF',
    choices: [
      { does: 'ends the header' },
      {
        does: 'is one more line of the header',
        programs: 'Email::Simple (it wants the same line end twice), GNU mailutils (LF alone)',
      },
    ],
  },
  'blank line': {
    place: 'a line of blanks or control characters in a header',
    choices: [
      { does: 'is one more line of the header', programs: '14 of 15 readers' },
      { does: 'ends the header', programs: 'libclamav' },
    ],
    odd: 'header',
  },
  'strange line': {
    place: 'a line in a header that is no field and continues none',
    choices: [
      { does: 'is skipped' },
      { does: 'begins the body', programs: "Python's email" },
      { does: 'begins the body after eight of them' },
      { does: 'ends the header of a part, and the body begins below it', programs: 'mutt' },
    ],
    odd: 'header',
  },
  'field below header': {
    place: 'a first line of a body that begins like a field about content, or has base64 in it',
    choices: [
      { does: 'is that of the body', programs: 'all mail programs' },
      { does: 'is one more line of the header', programs: 'libclamav' },
    ],
  },
  'delimiter in header': {
    place: 'a delimiter among the lines of a header',
    choices: [{ does: 'ends the header and its part' }, { does: 'is one more line of the header' }],
  },
  delimiter: {
    place: 'a delimiter with blanks behind it, or that fits another spelling of the boundary',
    choices: [{ does: 'is one' }, { does: 'is text' }],
  },
  'delimiter and more': {
    place: 'a line that begins with a delimiter and goes on',
    choices: [
      { does: 'is one', programs: 'PHP mailparse, KMime; 5 of 15 readers' },
      { does: 'is text', programs: '10 of 15 readers' },
    ],
    odd: 'delimiter',
  },
  'any dashes': {
    place: 'a line of two dashes in a multipart whose boundary cannot be read',
    choices: [{ does: 'is text' }, { does: 'is a delimiter' }],
  },
  'dash front': {
    place: 'blanks, or one or two characters, in front of a delimiter',
    choices: [{ does: 'make text of it' }, { does: 'are skipped', programs: 'enmime' }],
  },
  'outer delimiter': {
    place: 'a delimiter of a multipart around one that is not closed',
    choices: [{ does: 'ends the multiparts inside' }, { does: 'is text of the part inside' }],
  },
  'delimiter behind the end': {
    place: 'a delimiter behind the end of its multipart',
    choices: [
      { does: 'is text', programs: '13 of 15 readers' },
      { does: 'begins a part', programs: '2 of 15 readers' },
    ],
    odd: 'delimiter',
  },
  'text behind the end': {
    place: 'text behind the end of a multipart, a field in its first lines',
    choices: [
      { does: 'is text' },
      { does: 'is a part, and begins with its header', programs: "Ruby's mail" },
    ],
  },
  multipart: {
    place: 'a header that announces a multipart, but not as RFC 2046 writes it',
    choices: [{ does: 'is that of a multipart' }, { does: 'is that of a text or a file' }],
  },
  message: {
    place: 'a header that announces a message, but not as RFC 2046 writes it',
    choices: [{ does: 'is that of a message' }, { does: 'is that of a text or a file' }],
  },
} as const satisfies Readonly<Record<string, HabitEntry>>

export type Habit = keyof typeof habitTable

/** The choices of one reader, by number, and the features that occurred. */
export class Habits {
  /** The choice for each feature where it differs from the common one. */
  readonly choices: ReadonlyMap<Habit, number>
  /** The features that occurred, and whether all readings see the occurrence. */
  readonly #asked = new Map<Habit, boolean>()
  #questions = 0

  constructor(choices: ReadonlyMap<Habit, number> = new Map()) {
    this.choices = choices
  }

  /** Whether all its choices are the common ones. */
  get isCommon(): boolean {
    return this.choices.size === 0
  }

  get asked(): ReadonlySet<Habit> {
    return new Set(this.#asked.keys())
  }

  /** The number of questions until now. */
  get questions(): number {
    return this.#questions
  }

  /** The words for features that occurred and that ordinary mail never has. */
  get oddities(): readonly Oddity[] {
    return [...this.#asked].flatMap(([habit, isSeenByAll]) => {
      const entry: HabitEntry = habitTable[habit]
      return isSeenByAll && entry.odd ? [entry.odd] : []
    })
  }

  /** Returns the choice for a feature; 0 is the common one. */
  choose(habit: Habit, isSeenByAll = true): number {
    this.#questions++
    this.#asked.set(habit, isSeenByAll || this.#asked.get(habit) === true)
    return this.choices.get(habit) ?? 0
  }

  /** Yields habits that differ from these in one more habit, which was asked for. */
  *further(): Generator<ReadonlyMap<Habit, number>> {
    for (const habit of this.#asked.keys()) {
      if (this.choices.has(habit)) continue
      for (let choice = 1; choice < habitTable[habit].choices.length; choice++) {
        yield new Map([...this.choices, [habit, choice]])
      }
    }
  }
}

/**
 * All habits that make a difference to the reading of one mail, those that differ least from the common ones
 * first.
 */
export class EveryHabit {
  /** Holds what may be read in other ways than the common one, for all mails of a message together. */
  readonly #budget: Pick<ReadingBudget, 'readings'>
  readonly #known = new Set<string>()
  readonly #waiting: ReadonlyMap<Habit, number>[] = [new Map()]
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
    if (this.#last) this.#note(this.#last)
    const choices = this.#waiting.shift()
    if (choices === undefined) return undefined
    // The common reading of a mail is paid for by its bytes.
    if (choices.size > 0 && this.#budget.readings-- <= 0) {
      this.isCut = true
      return undefined
    }
    this.count++
    this.#last = new Habits(choices)
    return this.#last
  }

  #note(habits: Habits): void {
    for (const choices of habits.further()) {
      // These are more than are tried already.
      if (this.#waiting.length > limits.readings) return
      const key = [...choices]
        .map(([habit, choice]) => `${habit}=${choice}`)
        .sort()
        .join()
      if (this.#known.has(key)) continue
      this.#known.add(key)
      this.#waiting.push(choices)
    }
  }
}
