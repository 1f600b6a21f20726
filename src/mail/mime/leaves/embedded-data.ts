import { CR, LF, SPACE, TAB } from '../../../base/bytes/ascii.ts'
import {
  firstNumber,
  isAllBlank,
  isLineEnd,
  LineSearch,
  withoutLineEnd,
} from '../../../base/bytes/lines.ts'
import type { ByteRange, Bytes } from '../../message/bytes.ts'
import { limits } from '../budget/limits.ts'
import { LINES_PIECE, PIECE, SEARCHED_PER_UNIT, type Steps, type Work } from '../budget/work.ts'
import { BINHEX_WORD, isBinHexWord } from '../decoders/binhex.ts'
import {
  type EmbeddedKind,
  type EmbeddedStart,
  embeddedFormats,
  embeddedStarts,
  kindsInTexts,
} from './embedded-formats.ts'

/** A line at which data begins for some program. */
interface BeginLine extends EmbeddedStart {
  /** The offsets at which the line, and the data after it, begin: Infinity if a field announces data that never comes. */
  readonly at: number
  readonly from: number
}

/** Data in a text that some program decodes as a separate file. All positions are offsets in the text. */
interface Block extends ByteRange {
  readonly kind: EmbeddedKind
  /** The name of the file, '' if it has none. */
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

/** A line that ends data: where it begins, and where it ends. */
interface EndLine {
  readonly at: number
  readonly to: number
  readonly isBehindBlanks: boolean
}

/** The units of work of a word that may begin data, of a line that does, of any other line, and of a block. */
const WORD_COST = 24
const BEGIN_COST = 512
const LINE_COST = 4
const BLOCK_COST = 16

/**
 * Upper limit for the lines that begin data of a kind: far more than the decoded blocks, and than the fields of parts,
 * and few enough to be kept.
 */
const BEGIN_LINES_MAX = 8 * limits.blocks + limits.parts

/** The lines of a text at which data begins, and those that end it. */
export class EmbeddedData {
  readonly text: Bytes
  readonly #bytes: Buffer
  readonly #found: ReadonlyMap<EmbeddedKind, readonly BeginLine[]>
  /** Found once they are needed. */
  #ends: ReadonlyMap<EmbeddedKind, EndLine[]> | undefined

  /** Searches a text for data of these kinds. */
  static *of(text: Bytes, kinds: ReadonlySet<EmbeddedKind>, work: Work): Steps<EmbeddedData> {
    const bytes = yield* work.gather(text)
    return new EmbeddedData(text, bytes, yield* new BeginSearch(bytes, kinds).read(work))
  }

  private constructor(
    text: Bytes,
    bytes: Buffer,
    found: ReadonlyMap<EmbeddedKind, readonly BeginLine[]>,
  ) {
    this.text = text
    this.#bytes = bytes
    this.#found = found
  }

  /** Whether data begins at more lines than are kept. */
  get isCut(): boolean {
    return [...this.#found.values()].some(({ length }) => length > BEGIN_LINES_MAX)
  }

  /** Whether data of these kinds begins in a range of the text, or may begin there. */
  beginsIn(range: TextRange, kinds: ReadonlySet<EmbeddedKind>): boolean {
    return this.isCut || [...kinds].some((kind) => this.#beginningsIn(range, kind).length > 0)
  }

  #beginningsIn(
    { from, to, bodyFrom = from }: TextRange,
    kind: EmbeddedKind,
  ): readonly BeginLine[] {
    const all = this.#found.get(kind) ?? []
    const first = firstNumber(all.length, (number) => all[number]!.from > from)
    const end = firstNumber(all.length, (number) => all[number]!.at >= to)
    return all
      .slice(first, end)
      .filter(({ at, spelling }) => spelling !== 'in a line' || at >= bodyFrom)
  }

  /**
   * Returns the non-empty blocks of data of these kinds in a range of the text, each once, as programs find
   * them: at most `most` of them, and one more. Consecutive blocks do not overlap for a program, so that all
   * of them together are at most a few times as long as the range, however many lines begin data.
   *
   * Programs know different spellings of the line that begins data: each knows the common one, and in addition any
   * other one, or all. Inside a block some programs begin the next one at such a line. The others search for
   * none before a line that ends the block, and some of these continue after that line.
   */
  *blocks(
    range: TextRange,
    kinds: ReadonlySet<EmbeddedKind>,
    most: number,
    work: Work,
  ): Steps<readonly Block[]> {
    const found = new Map<string, Block>()
    for (const kind of kinds) {
      const all = this.#beginningsIn(range, kind).filter(({ from }) => Number.isFinite(from))
      if (all.length === 0) continue
      this.#ends ??= yield* endsIn(this.#bytes, this.#found, work)
      const allEnds = this.#ends.get(kind)!
      const firstEnd = (from: number) =>
        firstNumber(allEnds.length, (number) => allEnds[number]!.at >= from)
      const ends = allEnds.slice(firstEnd(range.from), firstEnd(range.to))
      for (const known of knownTogether(all)) {
        yield* work.countUnits(known.length + ends.length)
        for (const { from, name, to } of blocksOf(known, ends, range.to)) {
          if (from < to) found.set(`${kind} ${from} ${to}`, { kind, from, to, name })
          if (found.size > most) return [...found.values()]
          yield* work.countUnits(BLOCK_COST)
        }
      }
    }
    return [...found.values()]
  }
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
const SEARCHED = Math.min(...WORDS.map(({ length }) => length))
/** For two bytes in a row, how far the end of a word is from them at least. */
const SHIFTS = shiftsOf(WORDS)
const WORD_FRONT = BINHEX_WORD.indexOf('nvert')

/** In the middle of a text the word needs a file mode after it. Otherwise every sentence with the word would match. */
const WITH_MODE = /^begin[ \t\v]+[0-7]{1,8}[ \t\v]/i
/** Upper limit for the bytes before such a word, other than blanks, if data begins with its line. */
const FRONT_MAX = 'conten'.length
/** Upper limit for the bytes examined of a line that begins data. */
const BEGIN_MAX = 16 * 1024

/** The search for the lines at which data begins. */
class BeginSearch {
  readonly #bytes: Buffer
  readonly #lines: LineSearch
  readonly #linesBelow: LineSearch
  readonly #found: ReadonlyMap<EmbeddedKind, BeginLine[]>
  /** The offset after the last line that began data other than BinHex. */
  #from = 0
  /** The offset after the first blank line below the last field that announced data. */
  #belowFields = 0

  constructor(bytes: Buffer, kinds: ReadonlySet<EmbeddedKind>) {
    this.#bytes = bytes
    this.#lines = new LineSearch(bytes)
    this.#linesBelow = new LineSearch(bytes)
    this.#found = new Map(Array.from(kinds, (kind) => [kind, []]))
  }

  *read(work: Work): Steps<ReadonlyMap<EmbeddedKind, readonly BeginLine[]>> {
    const bytes = this.#bytes
    for (let at = 0; at < bytes.length; at += PIECE) {
      const end = Math.min(bytes.length, at + PIECE)
      for (let word = nextWord(bytes, at, end); word < end; word = nextWord(bytes, word + 1, end)) {
        yield* work.countUnits(WORD_COST)
        yield* this.#takeWord(word, work)
      }
      yield* work.countUnits((end - at) / SEARCHED_PER_UNIT)
    }
    return this.#found
  }

  *#takeWord(word: number, work: Work): Steps {
    const binHex = word - WORD_FRONT
    if (isBinHexWord(this.#bytes, binHex)) {
      const from = binHex + BINHEX_WORD.length
      this.#add({ kind: 'binhex', name: '', spelling: 'common', at: binHex, from })
      yield* work.countUnits(BEGIN_COST)
      return
    }
    const at = this.#beginningAt(word)
    if (at === undefined) return
    const isWhole = at === 0 || isLineEnd(this.#bytes[at - 1]!)
    const starts = embeddedStarts(this.#lineFrom(at), isWhole)
    if (starts.length === 0) return
    const to = this.#lines.any(at)
    this.#from = to
    for (const start of starts) {
      yield* work.countUnits(BEGIN_COST)
      const isField = embeddedFormats[start.kind].isField === true
      if (this.#mayAdd(start.kind, at))
        this.#add({ ...start, at, from: isField ? yield* this.#belowFieldsFrom(to, work) : to })
    }
  }

  /** Whether data of a kind may begin at a line: not among the fields by which other data of that kind is announced. */
  #mayAdd(kind: EmbeddedKind, at: number): boolean {
    const known = this.#found.get(kind)
    return known !== undefined && known.length <= BEGIN_LINES_MAX && at >= (known.at(-1)?.from ?? 0)
  }

  #add(line: BeginLine): void {
    if (this.#mayAdd(line.kind, line.at)) this.#found.get(line.kind)!.push(line)
  }

  /** Returns where data would begin that a word announces. */
  #beginningAt(word: number): number | undefined {
    const bytes = this.#bytes
    if (word < this.#from) return undefined
    if (WITH_MODE.test(bytes.toString('latin1', word, word + 20))) return word
    let others = 0
    for (let at = word; at > this.#from; at--) {
      const before = bytes[at - 1]!
      if (isLineEnd(before)) return at
      if (before !== SPACE && before !== TAB && ++others > FRONT_MAX) return undefined
    }
    return this.#from
  }

  #lineFrom(at: number): string {
    const bytes = this.#bytes
    const most = Math.min(bytes.length, at + BEGIN_MAX)
    let end = at
    while (end < most && bytes[end] !== LF && bytes[end] !== CR) end++
    return bytes.toString('latin1', at, end)
  }

  /** Returns the offset after the next blank line, or Infinity if there is none. */
  *#belowFieldsFrom(from: number, work: Work): Steps<number> {
    const bytes = this.#bytes
    // Above the last blank line that was found, there is no other one.
    for (let at = from; this.#belowFields <= from; ) {
      const to = this.#linesBelow.any(at)
      yield* work.countUnits(LINE_COST + to - at)
      if (at === bytes.length) this.#belowFields = Number.POSITIVE_INFINITY
      else if (isAllBlank(bytes, at, to)) this.#belowFields = to
      at = to
    }
    return this.#belowFields
  }
}

/** Returns where the next of WORDS begins from an offset on, or `end` if none begins above it. */
function nextWord(bytes: Buffer, from: number, end: number): number {
  const last = Math.min(bytes.length, end + SEARCHED - 1)
  for (let at = from + SEARCHED - 1; at < last; ) {
    const shift = SHIFTS[(bytes[at - 1]! << 8) | bytes[at]!]!
    if (shift === 0 && isWordAt(bytes, at - SEARCHED + 1)) return at - SEARCHED + 1
    at += shift || 1
  }
  return end
}

function isWordAt(bytes: Buffer, at: number): boolean {
  for (const word of WORDS)
    if (isAt(bytes, at, word)) return word !== WORDS[0] || BEHIND_BEGIN.has(bytes[at + word.length])
  return false
}

/** Whether a word in small letters is at an offset, in any letter case. */
function isAt(bytes: Buffer, at: number, word: string): boolean {
  for (let index = 0; index < word.length; index++) {
    const byte = bytes[at + index]!
    const code = word.charCodeAt(index)
    if (byte !== code && (byte < 0x41 || (byte | 0x20) !== code)) return false
  }
  return true
}

/** Returns the table for words that are written in letters of any case. */
function shiftsOf(words: readonly string[]): Uint8Array {
  const shifts = new Uint8Array(2 ** 16).fill(SEARCHED - 1)
  for (const word of words)
    for (let index = 1; index < SEARCHED; index++)
      for (const before of casesOf(word[index - 1]!))
        for (const letter of casesOf(word[index]!)) {
          const pair = (before << 8) | letter
          shifts[pair] = Math.min(shifts[pair]!, SEARCHED - 1 - index)
        }
  return shifts
}

function casesOf(letter: string): readonly number[] {
  return [letter.charCodeAt(0), letter.toUpperCase().charCodeAt(0)]
}

/** Finds the lines that end data, from where the first data begins. */
function* endsIn(
  bytes: Buffer,
  beginnings: ReadonlyMap<EmbeddedKind, readonly BeginLine[]>,
  work: Work,
): Steps<ReadonlyMap<EmbeddedKind, EndLine[]>> {
  const ends = new Map<EmbeddedKind, EndLine[]>(Array.from(beginnings.keys(), (kind) => [kind, []]))
  const note = (kind: EmbeddedKind, end: EndLine) => {
    const known = beginnings.get(kind) ?? []
    const begun = known[firstNumber(known.length, (number) => known[number]!.from > end.at) - 1]
    const last = ends.get(kind)?.at(-1)
    // Of the ends after a beginning, only the first matters to each program.
    const isFirst = !last || last.at < begun!.from || (last.isBehindBlanks && !end.isBehindBlanks)
    if (begun && isFirst) ends.get(kind)!.push(end)
  }
  const firsts = Array.from(beginnings.values(), ([first]) => first?.from ?? bytes.length)
  const lines = new LineSearch(bytes)
  let units = 0
  for (let at = Math.min(bytes.length, ...firsts); at < bytes.length; ) {
    const to = lines.any(at)
    const isBehindBlanks = bytes[at] === SPACE || bytes[at] === TAB
    for (const kind of kindsEndingAt(bytes, at, withoutLineEnd(bytes, at, to)))
      note(kind, { at, to, isBehindBlanks })
    units += LINE_COST + to - at
    at = to
    if (units < LINES_PIECE && at < bytes.length) continue
    yield* work.countUnits(units)
    units = 0
  }
  return ends
}

/** Yields the beginnings of a kind that some program recognizes together. */
function* knownTogether(all: readonly BeginLine[]): Generator<readonly BeginLine[]> {
  const spellings = new Set(all.map(({ spelling }) => spelling))
  spellings.delete('common')
  const readers = ['common', ...spellings].map(
    (known) => (spelling: string) => spelling === 'common' || spelling === known,
  )
  for (const isKnown of [...readers, (spelling: string) => spelling !== 'in a line']) {
    const beginnings = all.filter(({ spelling }) => isKnown(spelling))
    if (beginnings.length > 0) yield beginnings
  }
}

/** Yields the blocks, up to `size`, for programs that recognize these lines as the beginnings of data. */
function* blocksOf(
  beginnings: readonly BeginLine[],
  ends: readonly EndLine[],
  size: number,
): Generator<Omit<Block, 'kind'>> {
  const [first] = beginnings as [BeginLine]
  const { continuesBehindEnd = false } = embeddedFormats[first.kind]
  const spellings = new Set(beginnings.map(({ spelling }) => spelling))
  const isInLine = spellings.has('in a line')
  const beginsAnew = !isInLine && !spellings.has('no mode')
  const ending = spellings.has('behind blanks') ? ends : ends.filter((end) => !end.isBehindBlanks)
  let next = 0 // of the ends
  let over = 0 // the end of the previous block for programs that search for no beginning inside it
  for (const [index, { at, from, name }] of beginnings.entries()) {
    while (next < ending.length && ending[next]!.at < from) next++
    const end = ending[next]
    const behind = beginnings[index + 1]?.at ?? size
    if (beginsAnew)
      yield { from, name, to: continuesBehindEnd ? behind : Math.min(behind, end?.at ?? size) }
    if (at < over || (isInLine && !end)) continue
    over = (continuesBehindEnd ? end?.to : end?.at) ?? size
    yield { from, name, to: over }
  }
  if (continuesBehindEnd && !isInLine) yield { from: first.from, name: first.name, to: size }
}

/** Returns the kinds of data that end at a line, given without its line end. */
function kindsEndingAt(bytes: Buffer, from: number, end: number): readonly EmbeddedKind[] {
  if (!ENDS_BEGIN.includes(bytes[from]! | 32)) return []
  const line = bytes.toString('latin1', from, Math.min(end, from + END_MAX))
  return [...kindsInTexts].filter((kind) => embeddedFormats[kind].ends?.test(line))
}

/** The first bytes of lines that end data, as they are with the bit of small letters. */
const ENDS_BEGIN = [...'e=- \t'].map((character) => character.charCodeAt(0) | 32)
/** Upper limit for the bytes examined of a line that ends data. */
const END_MAX = 1024
