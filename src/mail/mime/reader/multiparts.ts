import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Feature, Habits } from '../habits/habits.ts'

/** A multipart whose delimiters are looked for. */
export interface Multipart {
  /** The texts that some program accepts as the boundary. Each program accepts one. */
  readonly spellings: readonly string[]
  /** Whether its boundary may be any text. */
  readonly isAny: boolean
}

/** A line that is a delimiter. */
export interface FoundDelimiter {
  /** The number of its multipart among those that are open, from the outside in. */
  readonly level: number
  readonly closes: boolean
}

/** A multipart that is open, and what its lines have shown so far. */
interface WatchedMultipart extends Multipart {
  /** Whether its last delimiter was read. */
  isClosed: boolean
  /** Its first line of dashes. */
  firstLine?: string
  /** The boundary behind the first ones of several (ofSeveral) that a line had. */
  oneMore?: string
}

/** A line that is a delimiter, or begins as one does. */
interface Match extends FoundDelimiter {
  /** The boundary as it is in this line. */
  readonly boundary: string
  /** What follows the boundary, unless that is all. */
  readonly rest: string
}

/** A feature of a line that is similar to a delimiter. */
type DelimiterFeature = Extract<Feature, `${string}delimiter${string}`>

/** The features of the delimiters of a header that may be read to name several boundaries, in their order. */
const ofSeveral: readonly DelimiterFeature[] = [
  'delimiter of the first boundary',
  'delimiter of the second boundary',
  'delimiter of the third boundary',
]

/** The multiparts that are open where a mail is read, and the lines that are their delimiters. */
export class OpenMultiparts {
  readonly #open: WatchedMultipart[] = []
  /** The numbers of the multiparts with such a boundary, from the outside in: as it is written, and in lower case. */
  readonly #asWritten = new Map<string, number[]>()
  readonly #bySpelling = new Map<string, number[]>()
  /** The number of spellings of each length. */
  readonly #counts = new Map<number, number>()
  #lengths: readonly number[] | undefined = []
  /** The numbers of those whose boundary may be any text. */
  readonly #any: number[] = []

  get length(): number {
    return this.#open.length
  }

  /** Throws LimitExceeded if more boundaries, or boundaries of more lengths, are open than are looked for. */
  push(multipart: Multipart): void {
    const level = this.#open.push({ ...multipart, isClosed: false }) - 1
    const { spellings, isAny } = multipart
    for (const spelling of spellings) this.#addSpelling(spelling, level)
    if (isAny) this.#any.push(level)
  }

  /** Notes that the last delimiter of a multipart was read, which stays open: more may follow. */
  close(level: number): void {
    this.#open[level]!.isClosed = true
  }

  isClosed(level: number): boolean {
    return this.#open[level]!.isClosed
  }

  /** Adds spellings of the boundary of the only multipart that is open. */
  learn(fresh: readonly string[]): void {
    const [only] = this.#open
    const spellings = [...new Set([...only!.spellings, ...fresh])]
    for (const spelling of spellings.slice(only!.spellings.length)) this.#addSpelling(spelling, 0)
    this.#open[0] = { ...only!, spellings }
  }

  #addSpelling(written: string, level: number): void {
    const spelling = written.toLowerCase()
    add(this.#asWritten, written, level)
    add(this.#bySpelling, spelling, level)
    const count = this.#counts.get(spelling.length) ?? 0
    this.#counts.set(spelling.length, count + 1)
    if (count === 0) this.#lengths = undefined
    const isFull =
      this.#bySpelling.size > limits.boundaries || this.#counts.size > limits.boundaryLengths
    if (isFull) throw new LimitExceeded('more boundaries than are looked for')
  }

  pop(): void {
    const { spellings, isAny } = this.#open.pop()!
    for (const written of spellings) {
      const spelling = written.toLowerCase()
      remove(this.#asWritten, written)
      remove(this.#bySpelling, spelling)
      const count = this.#counts.get(spelling.length)! - 1
      this.#counts.set(spelling.length, count)
      if (count > 0) continue
      this.#counts.delete(spelling.length)
      this.#lengths = undefined
    }
    if (isAny) this.#any.pop()
  }

  /**
   * Returns the multipart of which a line is the delimiter, or undefined if it is not one. `whole` is the text of the line
   * after its first two dashes. Only the outermost `count` multiparts are compared.
   */
  delimiterIn(whole: string, count: number, habits: Habits): FoundDelimiter | undefined {
    return this.#withSpelling(whole, count, habits) ?? this.#withAny(whole, count, habits)
  }

  #withSpelling(whole: string, count: number, habits: Habits): FoundDelimiter | undefined {
    const text = withoutFront(whole)
    const end = withoutBlanksBehind(text, ' \t')
    const like =
      foundIn(this.#asWritten, end, count) ?? foundIn(this.#bySpelling, end.toLowerCase(), count)
    const boundary = like?.closes ? end.slice(0, -2) : end
    if (like && this.#isOne({ ...like, boundary, rest: '' }, whole, habits)) return like
    const longer = this.#longest(text, count)
    return longer && this.#isOne(longer, whole, habits) ? longer : undefined
  }

  /**
   * Returns whether a line is a delimiter to this reading, in spite of each way in which it differs from that which the
   * header announces. It is asked about each of them: programs allow for some, and not for others.
   */
  #isOne({ level, boundary, rest }: Match, whole: string, habits: Habits): boolean {
    const { spellings } = this.#open[level]!
    const bare = whole.replaceAll('\0', '')
    const lower = boundary.toLowerCase()
    const isWritten = spellings.includes(boundary)
    const number = isWritten
      ? spellings.indexOf(boundary)
      : spellings.findIndex((spelling) => spelling.toLowerCase() === lower)
    if (rest === '' && number >= ofSeveral.length) this.#noteOneMore(level, lower)
    const features: readonly (DelimiterFeature | false)[] = [
      bare !== whole && 'delimiter with NULs',
      bare !== withoutBlanksInFront(bare) && 'delimiter with blanks',
      rest === '' && bare !== withoutBlanksBehind(bare, ' \t') && 'delimiter and blanks',
      !isWritten && 'delimiter in other letters',
      spellings.length > 1 && (ofSeveral[number] ?? 'delimiter of one more boundary'),
      rest !== '' && featureOf(rest),
    ]
    return features.filter((feature) => feature && habits.does(feature) === 'is text').length === 0
  }

  /** Throws LimitExceeded if the multipart has delimiters of more boundaries than have a feature each. */
  #noteOneMore(level: number, boundary: string): void {
    const multipart = this.#open[level]!
    multipart.oneMore ??= boundary
    if (multipart.oneMore !== boundary)
      throw new LimitExceeded('a multipart with the delimiters of many boundaries')
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
    const multipart = this.#open[level]!
    multipart.firstLine ??= text
    const first = multipart.firstLine
    const closes = text === `${first}--`
    return closes || text === first ? { level, closes } : undefined
  }

  /** Returns the longest spelling that a line begins with, followed by more text. */
  #longest(text: string, count: number): Match | undefined {
    const lower = text.toLowerCase()
    const end = withoutBlanksBehind(lower, ' \t')
    for (const length of this.#longestSpellings()) {
      if (length > lower.length) continue
      const spelling = lower.slice(0, length)
      const level = this.#bySpelling.get(spelling)?.[0]
      if (level === undefined || level >= count) continue
      if (end === spelling || end === `${spelling}--`) continue
      const closes = lower.startsWith('--', length)
      return { level, closes, boundary: text.slice(0, length), rest: text.slice(length) }
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

/** Returns the feature of a line by what follows its boundary. */
function featureOf(rest: string): DelimiterFeature {
  if (rest.startsWith('--')) return 'last delimiter and more'
  return /^[ \t]/.test(rest) ? 'delimiter, a blank and more' : 'delimiter and more'
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
