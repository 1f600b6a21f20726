import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Habits } from '../habits/habits.ts'
import type { DashLine } from './dash-lines.ts'

/** A multipart whose delimiters are looked for. */
export interface Multipart {
  /** The boundary as it is written, if it can be read in one way alone. */
  readonly exact: string | undefined
  /** The texts that some program accepts as the boundary, in lower case. */
  readonly spellings: readonly string[]
  /** Whether its boundary may be any text. */
  readonly isAny: boolean
  /** Whether its header is written as RFC 2046 writes it. */
  readonly isSure: boolean
}

/** A line that is a delimiter. */
export interface FoundDelimiter {
  /** The number of its multipart among those that are open, from the outside in. */
  readonly level: number
  readonly closes: boolean
}

/** The multiparts that are open where a mail is read, and the lines that are their delimiters. */
export class OpenMultiparts {
  readonly #open: Multipart[] = []
  /** Whether the last delimiter of each was read. */
  readonly #closed: boolean[] = []
  /** The numbers of the multiparts with such a boundary, from the outside in. */
  readonly #byExact = new Map<string, number[]>()
  readonly #bySpelling = new Map<string, number[]>()
  /** The number of spellings of each length. */
  readonly #counts = new Map<number, number>()
  #lengths: readonly number[] | undefined = []
  /** The numbers of those whose boundary may be any text. */
  readonly #any: number[] = []
  /** The first line of dashes in each multipart, as far as it was seen. */
  readonly #firstLines: (string | undefined)[] = []
  /** The number of spellings that begin with each byte. */
  readonly #firsts = new Map<number, number>()

  get length(): number {
    return this.#open.length
  }

  /** Throws LimitExceeded if more boundaries, or boundaries of more lengths, are open than are looked for. */
  push(multipart: Multipart): void {
    const level = this.#open.push(multipart) - 1
    this.#closed.push(false)
    this.#firstLines.push(undefined)
    const { exact, spellings, isAny } = multipart
    if (exact !== undefined) add(this.#byExact, exact, level)
    for (const spelling of spellings) this.#addSpelling(spelling, level)
    if (isAny) this.#any.push(level)
  }

  /** Notes that the last delimiter of a multipart was read, which stays open: more may follow. */
  close(level: number): void {
    this.#closed[level] = true
  }

  isClosed(level: number): boolean {
    return this.#closed[level]!
  }

  /** Adds spellings of the boundary of the only multipart that is open. */
  learn(spellings: readonly string[]): void {
    for (const spelling of spellings)
      if (!this.#bySpelling.has(spelling)) this.#addSpelling(spelling, 0)
  }

  #addSpelling(spelling: string, level: number): void {
    add(this.#bySpelling, spelling, level)
    const count = this.#counts.get(spelling.length) ?? 0
    this.#counts.set(spelling.length, count + 1)
    if (count === 0) this.#lengths = undefined
    change(this.#firsts, spelling.charCodeAt(0), 1)
    const isFull =
      this.#bySpelling.size > limits.boundaries || this.#counts.size > limits.boundaryLengths
    if (isFull) throw new LimitExceeded('more boundaries than are looked for')
  }

  pop(): void {
    const { exact, spellings, isAny } = this.#open.pop()!
    this.#closed.pop()
    this.#firstLines.pop()
    if (exact !== undefined) remove(this.#byExact, exact)
    for (const spelling of spellings) {
      remove(this.#bySpelling, spelling)
      change(this.#firsts, spelling.charCodeAt(0), -1)
      const count = this.#counts.get(spelling.length)! - 1
      this.#counts.set(spelling.length, count)
      if (count > 0) continue
      this.#counts.delete(spelling.length)
      this.#lengths = undefined
    }
    if (isAny) this.#any.pop()
  }

  /** Returns whether this byte (lower case) may follow the dashes of a delimiter. */
  #mayBegin(first: number): boolean {
    return this.#any.length > 0 || first >= 0x80 || (this.#firsts.get(first) ?? 0) > 0
  }

  /** Returns whether the text after the dashes of a line begins with a boundary in any spelling. */
  knows(text: string): boolean {
    const lower = withoutFront(text).toLowerCase()
    return this.#longestSpellings().some((length) => this.#bySpelling.has(lower.slice(0, length)))
  }

  /**
   * Returns the multipart of which a line is the delimiter, maybe behind a few characters, or undefined if it is not
   * one. `textOf` returns the line from after its first two dashes, without its line end, and is called only if that
   * may matter. Only the outermost `count` multiparts are compared.
   */
  delimiterAt(
    { at, dashes, firsts }: DashLine,
    textOf: () => string,
    count: number,
    habits: Habits,
  ): FoundDelimiter | undefined {
    if (!firsts.some((first) => first > 0 && this.#mayBegin(first))) return undefined
    const text = textOf()
    const isInFront = dashes === at
    const found = isInFront ? this.delimiterIn(text, count, habits) : undefined
    if (found) return found
    for (let more = isInFront ? 1 : 0; more < firsts.length && firsts[more] !== 0; more++) {
      const behind = this.#withSpelling(text.slice(more), count, habits)
      if (behind && habits.does('dash front') === 'is skipped') return behind
    }
    return undefined
  }

  /** Returns the same for a line that begins with two dashes: `whole` is the text after them. */
  delimiterIn(whole: string, count: number, habits: Habits): FoundDelimiter | undefined {
    return this.#withSpelling(whole, count, habits) ?? this.#withAny(whole, count, habits)
  }

  #withSpelling(whole: string, count: number, habits: Habits): FoundDelimiter | undefined {
    const text = withoutBlanksBehind(whole, ' ')
    const exactly = foundIn(this.#byExact, text, count)
    if (exactly && text.length === whole.length && this.#open[exactly.level]!.isSure) return exactly
    const lower = withoutFront(whole).toLowerCase()
    const like = exactly ?? foundIn(this.#bySpelling, withoutBlanksBehind(lower, ' \t'), count)
    if (like && habits.does('delimiter') === 'is one') return like
    const longer = this.#longest(lower, count)
    return longer && habits.does('delimiter and more') === 'is one' ? longer : undefined
  }

  #withAny(whole: string, count: number, habits: Habits): FoundDelimiter | undefined {
    const level = this.#any.findLast((any) => any < count)
    if (level === undefined) return undefined
    switch (habits.does('any dashes')) {
      case 'is text':
        return undefined
      case 'is a delimiter if it is like the first':
        return this.#likeFirst(withoutBlanksBehind(whole, ' \t'), level)
      case 'is a delimiter if it is three dashes':
        return whole.startsWith('-') ? emptyDelimiter(whole.slice(1), level) : undefined
      case 'is a delimiter if nothing follows: the boundary is empty':
        return emptyDelimiter(withoutBlanksInFront(whole), level)
      case 'is a delimiter if a blank follows: the boundary is a blank':
        return whole.startsWith(' ')
          ? emptyDelimiter(withoutBlanksInFront(whole), level)
          : undefined
    }
  }

  /** Returns the delimiter of a multipart whose boundary is its first line of dashes and other characters. */
  #likeFirst(text: string, level: number): FoundDelimiter | undefined {
    if (/^(?:-{3,})?$/.test(text)) return undefined
    this.#firstLines[level] ??= text
    const first = this.#firstLines[level]
    const closes = text === `${first}--`
    return closes || text === first ? { level, closes } : undefined
  }

  /** Returns the longest spelling that a line begins with, followed by more text. */
  #longest(lower: string, count: number): FoundDelimiter | undefined {
    if (!this.#firsts.get(lower.charCodeAt(0))) return undefined
    const end = withoutBlanksBehind(lower, ' \t')
    for (const length of this.#longestSpellings()) {
      if (length > lower.length) continue
      const spelling = lower.slice(0, length)
      const level = this.#bySpelling.get(spelling)?.[0]
      if (level === undefined || level >= count) continue
      if (end === spelling || end === `${spelling}--`) continue
      return { level, closes: lower.startsWith('--', length) }
    }
    return undefined
  }

  #longestSpellings(): readonly number[] {
    this.#lengths ??= [...this.#counts.keys()].sort((a, b) => b - a)
    return this.#lengths
  }
}

/** Returns the delimiter of a boundary that is empty, or a blank, if that is all. */
function emptyDelimiter(text: string, level: number): FoundDelimiter | undefined {
  const rest = withoutBlanksBehind(text, ' \t')
  return rest === '' || rest === '--' ? { level, closes: rest !== '' } : undefined
}

function foundIn(
  levels: ReadonlyMap<string, readonly number[]>,
  text: string,
  count: number,
): FoundDelimiter | undefined {
  const opening = levels.get(text)?.[0] ?? count
  const closing = (text.endsWith('--') ? levels.get(text.slice(0, -2))?.[0] : undefined) ?? count
  if (Math.min(opening, closing) >= count) return undefined
  return opening <= closing ? { level: opening, closes: false } : { level: closing, closes: true }
}

/** Returns the text without blanks in front, and without NULs. */
function withoutFront(text: string): string {
  return withoutBlanksInFront(text.replaceAll('\0', ''))
}

function withoutBlanksInFront(text: string): string {
  let from = 0
  while (text[from] === ' ' || text[from] === '\t') from++
  return text.slice(from)
}

function withoutBlanksBehind(text: string, blanks: string): string {
  let to = text.length
  while (to > 0 && blanks.includes(text[to - 1]!)) to--
  return text.slice(0, to)
}

function change(counts: Map<number, number>, key: number, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}

function add(levels: Map<string, number[]>, text: string, level: number): void {
  const same = levels.get(text)
  if (same) same.push(level)
  else levels.set(text, [level])
}

function remove(levels: Map<string, number[]>, text: string): void {
  const same = levels.get(text)!
  same.pop()
  if (same.length === 0) levels.delete(text)
}
