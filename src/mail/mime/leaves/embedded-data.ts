import { CR, LF, SPACE, TAB } from '../../../base/bytes/ascii.ts'
import {
  firstNumber,
  isAllBlank,
  isLineEnd,
  LineSearch,
  withoutLineEnd,
} from '../../../base/bytes/lines.ts'
import { type ByteRange, type Bytes, type MailBytes, shortText } from '../../message/bytes.ts'
import { costs, SEARCHED_PER_UNIT } from '../budget/costs.ts'
import { limits } from '../budget/limits.ts'
import { LINES_PIECE, PIECE, type Steps, type Work } from '../budget/work.ts'
import { BINHEX_WORD, isBinHexWord } from '../decoders/binhex.ts'
import { mayBeUuencode } from '../decoders/uuencode.ts'
import {
  binHexFormat,
  type EmbeddedFormat,
  type EmbeddedStart,
  embeddedStart,
  inTexts,
} from './embedded-formats.ts'

/** A line at which data begins for some program. */
interface BeginLine {
  /** The offsets at which the line, and the data after it, begin: Infinity if a field announces data that never comes. */
  readonly at: number
  readonly from: number
  /** The name of the file, '' if it has none. */
  readonly name: string
}

/** A line that ends data: its offset, and the offset after it. */
interface EndLine {
  readonly at: number
  readonly to: number
}

/** The lines at which data begins or ends, in each format in the order of their offsets. */
type LinesOf<Line> = ReadonlyMap<EmbeddedFormat, Line[]>

/** Data in a text that some program decodes as a separate file. */
interface Block extends ByteRange {
  readonly format: EmbeddedFormat
  readonly name: string
}

/** A range of a text that is searched for data. */
export interface TextRange extends ByteRange {
  /**
   * The end of the fields above a text; the start of the range by default. In the fields only a whole line
   * begins data.
   */
  readonly bodyFrom?: number
}

/**
 * Upper limit for the lines that begin data of a format: far more than the decoded blocks, and than the fields of parts,
 * and few enough to be kept.
 */
const BEGIN_LINES_MAX = 8 * limits.blocks + limits.parts

/** The encoded data in a text. */
export class EmbeddedData {
  readonly text: Bytes
  readonly #bytes: MailBytes
  readonly #begins: LinesOf<BeginLine>
  /** Found once they are needed. */
  #ends: LinesOf<EndLine> | undefined
  /** The blocks that were returned. */
  readonly #taken = new Set<string>()

  /** Searches a text for data in these formats. */
  static *of(text: Bytes, formats: readonly EmbeddedFormat[], work: Work): Steps<EmbeddedData> {
    const bytes = yield* work.gather(text)
    return new EmbeddedData(text, bytes, yield* new BeginSearch(bytes, formats).read(work))
  }

  private constructor(text: Bytes, bytes: MailBytes, begins: LinesOf<BeginLine>) {
    this.text = text
    this.#bytes = bytes
    this.#begins = begins
  }

  /** Whether data in one of these formats begins in a range of the text. */
  beginsIn(range: TextRange, formats: readonly EmbeddedFormat[]): boolean {
    return formats.some((format) => this.#beginningsIn(range, format).length > 0)
  }

  /** Whether data in one of these formats begins, and no line ends it. */
  *isOpenIn(formats: readonly EmbeddedFormat[], work: Work): Steps<boolean> {
    const begun = formats.flatMap((format) => {
      const last = this.#begins.get(format)?.at(-1)
      return last ? { format, last } : []
    })
    if (begun.length === 0) return false
    this.#ends ??= yield* endsIn(this.#bytes, this.#begins, work)
    const ends = this.#ends
    return begun.some(({ format, last }) => (ends.get(format)?.at(-1)?.at ?? -1) < last.from)
  }

  #beginningsIn({ from, to, bodyFrom = from }: TextRange, format: EmbeddedFormat): BeginLine[] {
    const all = this.#begins.get(format) ?? []
    const first = firstNumber(all.length, (number) => all[number]!.from > from)
    const end = firstNumber(all.length, (number) => all[number]!.at >= to)
    const inRange = all.slice(first, end)
    return format.isInLine ? inRange.filter(({ at }) => at >= bodyFrom) : inRange
  }

  /**
   * Returns the non-empty blocks of data in these formats in a range of the text that were not returned before, at most
   * `most` of them. If there are more, the text is unread. All blocks of a format together are at most a few times as long
   * as the range, however many lines begin data.
   */
  *takeBlocks(
    range: TextRange,
    formats: readonly EmbeddedFormat[],
    work: Work,
    most: number = limits.blocks,
  ): Steps<readonly Block[]> {
    const taken: Block[] = []
    for (const format of formats) {
      const found = this.#beginningsIn(range, format)
      const begins = format.isField ? found.filter(({ from }) => Number.isFinite(from)) : found
      if (begins.length === 0) continue
      this.#ends ??= yield* endsIn(this.#bytes, this.#begins, work)
      const allEnds = this.#ends.get(format)!
      const firstEnd = (from: number) =>
        firstNumber(allEnds.length, (number) => allEnds[number]!.at >= from)
      const ends = allEnds.slice(firstEnd(range.from), firstEnd(range.to))
      yield* work.countUnits(begins.length + ends.length)
      for (const block of blocksOf(format, begins, ends, range.to)) {
        yield* work.countUnits(costs.element)
        const key = `${format.kind} ${block.from} ${block.to}`
        if (block.from >= block.to || this.#taken.has(key)) continue
        if (taken.length === most) {
          work.leaveUnread(TOO_MANY)
          return taken
        }
        this.#taken.add(key)
        taken.push(block)
      }
    }
    return taken
  }
}

const TOO_MANY = `more than ${limits.blocks} blocks of encoded data`

/**
 * Yields the blocks, up to `size`, that begin at these lines. Inside a block some programs begin the next one at such a
 * line. The others search for none before a line that ends the block, and some of these continue after that line.
 */
function* blocksOf(
  format: EmbeddedFormat,
  begins: readonly BeginLine[],
  ends: readonly EndLine[],
  size: number,
): Generator<Block> {
  const { continuesBehindEnd, isInLine, isOftenText } = format
  const [first] = begins as [BeginLine]
  let next = 0 // of the ends
  let blockEnd = 0 // the end of the previous block for programs that search for no beginning inside it
  for (const [index, { at, from, name }] of begins.entries()) {
    while (next < ends.length && ends[next]!.at < from) next++
    const end = ends[next]
    const behind = begins[index + 1]?.at ?? size
    const to = continuesBehindEnd ? behind : Math.min(behind, end?.at ?? size)
    if (!isOftenText) yield { format, name, from, to }
    if (at < blockEnd || (isInLine && !end)) continue
    blockEnd = (continuesBehindEnd ? end?.to : end?.at) ?? size
    yield { format, name, from, to: blockEnd }
  }
  if (continuesBehindEnd && !isInLine) yield { format, ...first, to: size }
}

/**
 * The words by which lines that begin data are found, in small letters; the last two are within a field and within
 * BINHEX_WORD.
 */
const WORDS = ['begin', 't-tran', 'nverte']
/** The byte behind the first word, of which there may be none. */
const BEHIND_BEGIN: ReadonlySet<number | undefined> = new Set([
  ...Buffer.from('\t\v\f \xa0\0-', 'latin1'),
  undefined,
])
/** The bytes of each word that are searched for: as many as the shortest one has. */
const SEARCHED_OF_WORD = Math.min(...WORDS.map(({ length }) => length))
/** For two bytes in a row, how far the end of a word is from them at least. */
const SHIFTS = shiftsOf(WORDS)
const WORD_FRONT = BINHEX_WORD.indexOf('nvert')

/** In the middle of a text the word needs a file mode after it. */
const WITH_MODE = inTexts.find(({ isInLine }) => isInLine)!.begins!
/** Upper limit for the bytes before such a word, other than blanks, if data begins with its line. */
const IN_FRONT_OF_WORD_MAX = 'conten'.length
/** Upper limit for the bytes examined of a line that begins data. */
const BEGIN_MAX = 16 * 1024
/** Upper limit for the line ends between that line and the data. */
const EMPTY_MAX = 1024

/** The search for the lines at which data begins. */
class BeginSearch {
  readonly #bytes: MailBytes
  readonly #lines: LineSearch
  readonly #linesBelow: LineSearch
  readonly #found: LinesOf<BeginLine>
  /** The offset after the last line that began data other than BinHex. */
  #from = 0
  /** The offset after the first blank line below the last field that announced data. */
  #belowFields = 0

  constructor(bytes: MailBytes, formats: readonly EmbeddedFormat[]) {
    this.#bytes = bytes
    this.#lines = new LineSearch(bytes as Buffer)
    this.#linesBelow = new LineSearch(bytes as Buffer)
    this.#found = new Map(formats.map((format) => [format, []]))
  }

  *read(work: Work): Steps<LinesOf<BeginLine>> {
    const bytes = this.#bytes
    for (let at = 0; at < bytes.length; at += PIECE) {
      const end = Math.min(bytes.length, at + PIECE)
      yield* work.countUnits((end - at) / SEARCHED_PER_UNIT)
      for (let word = nextWord(bytes, at, end); word < end; word = nextWord(bytes, word + 1, end)) {
        yield* work.countUnits(costs.word)
        yield* this.#takeWord(word, work)
      }
    }
    // An array that has grown keeps room for half as many more.
    return new Map(Array.from(this.#found, ([format, lines]) => [format, lines.slice()]))
  }

  *#takeWord(word: number, work: Work): Steps {
    const binHex = word - WORD_FRONT
    if (isBinHexWord(this.#bytes, binHex)) {
      const from = binHex + BINHEX_WORD.length
      yield* work.countUnits(costs.header)
      this.#add({ formats: [binHexFormat], name: '' }, binHex, from, work)
      return
    }
    const at = this.#beginningAt(word)
    if (at === undefined) return
    const isWhole = at === 0 || isLineEnd(this.#bytes[at - 1]!)
    const start = embeddedStart(yield* this.#lineFrom(at, work), isWhole)
    if (start === undefined) return
    yield* work.countUnits(costs.header)
    // A sentence may begin with the word, too.
    const isSentence = isWhole && start.formats.every((format) => format.isOftenText)
    if (isSentence && !(yield* this.#hasDataBelow(at, work))) return
    this.#from = this.#lines.any(at)
    const isField = start.formats.some((format) => format.isField)
    const from = isField ? yield* this.#belowFieldsFrom(this.#from, work) : this.#from
    this.#add(start, at, from, work)
  }

  /** Adds a line, unless it is among the fields by which other data in that format is announced. */
  #add({ formats, name }: EmbeddedStart, at: number, from: number, work: Work): void {
    const line: BeginLine = { at, from, name }
    for (const format of formats) {
      const lines = this.#found.get(format)
      if (lines === undefined || at < (lines.at(-1)?.from ?? 0)) continue
      if (lines.length > BEGIN_LINES_MAX) work.leaveUnread(TOO_MANY)
      else lines.push(line)
    }
  }

  /** Returns where data would begin that a word announces. */
  #beginningAt(word: number): number | undefined {
    const bytes = this.#bytes
    if (word < this.#from) return undefined
    if (WITH_MODE.test(shortText(bytes, word, 20))) return word
    let others = 0
    for (let at = word; at > this.#from; at--) {
      const before = bytes[at - 1]!
      if (isLineEnd(before)) return at
      if (before !== SPACE && before !== TAB && ++others > IN_FRONT_OF_WORD_MAX) return undefined
    }
    return this.#from
  }

  /** Whether the first line below that is not empty may be uuencode. */
  *#hasDataBelow(at: number, work: Work): Steps<boolean> {
    const bytes = this.#bytes
    let from = this.#lines.any(at)
    const most = from + EMPTY_MAX
    while (from < most && isLineEnd(bytes[from] ?? 0)) from++
    return mayBeUuencode(yield* this.#lineFrom(from, work))
  }

  *#lineFrom(at: number, work: Work): Steps<string> {
    const most = Math.min(this.#bytes.length, at + BEGIN_MAX)
    const end = yield* work.indexOf(this.#bytes, [LF, CR], at, most)
    return yield* work.text(this.#bytes, at, end ?? most)
  }

  /** Returns the offset after the next blank line, or Infinity if there is none. */
  *#belowFieldsFrom(from: number, work: Work): Steps<number> {
    const bytes = this.#bytes
    // Above the last blank line that was found, there is no other one.
    for (let at = from; this.#belowFields <= from; ) {
      const to = this.#linesBelow.any(at)
      yield* work.countUnits(costs.line + to - at)
      if (at === bytes.length) this.#belowFields = Number.POSITIVE_INFINITY
      else if (isAllBlank(bytes, at, to)) this.#belowFields = to
      at = to
    }
    return this.#belowFields
  }
}

/** Returns where the next of WORDS begins from an offset on, or `end` if none begins above it. */
function nextWord(bytes: MailBytes, from: number, end: number): number {
  const last = Math.min(bytes.length, end + SEARCHED_OF_WORD - 1)
  for (let at = from + SEARCHED_OF_WORD - 1; at < last; ) {
    const shift = SHIFTS[(bytes[at - 1]! << 8) | bytes[at]!]!
    if (shift === 0 && isWordAt(bytes, at - SEARCHED_OF_WORD + 1)) return at - SEARCHED_OF_WORD + 1
    at += shift || 1
  }
  return end
}

function isWordAt(bytes: MailBytes, at: number): boolean {
  for (const word of WORDS)
    if (isAt(bytes, at, word)) return word !== WORDS[0] || BEHIND_BEGIN.has(bytes[at + word.length])
  return false
}

/** Whether a word in small letters is at an offset, in any letter case. */
function isAt(bytes: MailBytes, at: number, word: string): boolean {
  for (let index = 0; index < word.length; index++) {
    const byte = bytes[at + index]!
    const code = word.charCodeAt(index)
    if (byte !== code && (byte < 0x41 || (byte | 0x20) !== code)) return false
  }
  return true
}

/** Returns the table for words that are written in letters of any case. */
function shiftsOf(words: readonly string[]): Uint8Array {
  const shifts = new Uint8Array(2 ** 16).fill(SEARCHED_OF_WORD - 1)
  for (const word of words)
    for (let index = 1; index < SEARCHED_OF_WORD; index++)
      for (const before of casesOf(word[index - 1]!))
        for (const letter of casesOf(word[index]!)) {
          const pair = (before << 8) | letter
          shifts[pair] = Math.min(shifts[pair]!, SEARCHED_OF_WORD - 1 - index)
        }
  return shifts
}

function casesOf(letter: string): readonly number[] {
  return [letter.charCodeAt(0), letter.toUpperCase().charCodeAt(0)]
}

/** Finds the lines that end data, from where the first data begins: of those after a beginning, the first one. */
function* endsIn(
  bytes: MailBytes,
  begins: LinesOf<BeginLine>,
  work: Work,
): Steps<LinesOf<EndLine>> {
  const ends = new Map([...begins.keys()].map((format) => [format, [] as EndLine[]]))
  const firsts = Array.from(begins.values(), ([first]) => first?.from ?? bytes.length)
  const formats = [...begins.keys()].filter((format) => begins.get(format)!.length > 0)
  const lines = new LineSearch(bytes as Buffer)
  let units = 0
  for (let at = Math.min(bytes.length, ...firsts); at < bytes.length; ) {
    const to = lines.any(at)
    for (const format of yield* endedBy(formats, bytes, at, withoutLineEnd(bytes, at, to), work)) {
      const begun = begins.get(format)!
      const above = begun[firstNumber(begun.length, (number) => begun[number]!.from > at) - 1]
      const last = ends.get(format)?.at(-1)
      if (above && (!last || last.at < above.from)) ends.get(format)!.push({ at, to })
    }
    units += costs.line + to - at
    at = to
    if (units < LINES_PIECE && at < bytes.length) continue
    yield* work.countUnits(units)
    units = 0
  }
  return ends
}

/** Returns the formats whose data ends at a line, which is given without its line end. */
function* endedBy(
  formats: readonly EmbeddedFormat[],
  bytes: MailBytes,
  from: number,
  end: number,
  work: Work,
): Steps<readonly EmbeddedFormat[]> {
  if (end - from < END_MIN || !ENDS_BEGIN.includes(bytes[from]!)) return []
  const line = yield* work.text(bytes, from, Math.min(end, from + END_MAX))
  return formats.filter(({ ends }) => ends?.test(line))
}

/** The first bytes of lines that end data. */
const ENDS_BEGIN = Buffer.from('eE=- \t')
/** Lower limit for the bytes of a line that ends data: two dashes. */
const END_MIN = '--'.length
/** Upper limit for the bytes examined of a line that ends data. */
const END_MAX = 1024
