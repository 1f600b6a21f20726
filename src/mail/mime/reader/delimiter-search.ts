import type { DashLine } from './dash-lines.ts'
import { DASH_LINE_COST, type ReadingContext } from './header-reading.ts'
import type { FoundDelimiter } from './multiparts.ts'

/** A line that is a delimiter in this reading. */
export interface Delimiter extends FoundDelimiter {
  readonly at: number
  /** Whether programs read it, or the lines since the position from which it was looked for, differently. */
  readonly isDisputed: boolean
}

/** The search for the delimiters of the multiparts that are open in a reading. Yields units of work. */
export class DelimiterSearch {
  readonly #context: ReadingContext

  constructor(context: ReadingContext) {
    this.#context = context
  }

  /** Returns the next delimiter of the outermost `count` multiparts at or after this offset. */
  *next(from: number, count: number): Generator<number, Delimiter | undefined> {
    if (count === 0) return undefined
    const { text, open, habits, units } = this.#context
    const { questions } = habits
    for (let number = yield* text.dashLineFrom(from); ; number++) {
      const line = yield* text.dashLine(number)
      if (line === undefined) return undefined
      units.add(DASH_LINE_COST)
      if (units.areDue) yield units.take()
      const found = open.delimiterAt(line, () => this.#textOf(line), count, habits)
      if (!found) continue
      // Some programs see only the delimiters of the innermost multipart that is not closed.
      const isOuter = found.level < count - 1 && !open.isClosed(count - 1)
      if (isOuter && habits.does('outer delimiter') === 'is text of the part inside') continue
      return { ...found, at: line.at, isDisputed: habits.questions > questions }
    }
  }

  /** Returns the first delimiter of the innermost multipart, which enmime finds in the middle of a line, too. */
  *first(from: number, boundaries: readonly string[]): Generator<number, Delimiter | undefined> {
    const { text, open, habits } = this.#context
    const first = yield* this.next(from, open.length)
    const inLine = yield* text.delimiterInLine(from, first?.at ?? text.size, boundaries)
    if (inLine === undefined) return first
    return habits.does('dash front') === 'is skipped'
      ? { level: open.length - 1, closes: false, at: inLine, isDisputed: true }
      : first && { ...first, isDisputed: true }
  }

  #textOf(line: DashLine): string {
    const { text, units } = this.#context
    const found = text.textOf(line)
    units.add(found.length)
    return found
  }
}
