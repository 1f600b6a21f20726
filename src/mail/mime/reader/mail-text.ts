import { CR, LF, NUL, SPACE } from '../../../lib/bytes/ascii.ts'
import { LineBlocks, nextLines } from '../../../lib/bytes/line-blocks.ts'
import { Bytes } from '../../message/bytes.ts'
import { LINES_PIECE } from '../budget/work.ts'
import {
  cutDashText,
  DASH_TEXT_MAX,
  type DashLine,
  DashLines,
  dashesIn,
  dashLineIn,
} from './dash-lines.ts'
import { PreambleSearch } from './preamble-search.ts'

/** A line of a message, with its end. A long one is cut to the first `LONG_LINE` bytes. */
interface Line {
  readonly bytes: Buffer
  /** The offset at which the next line begins. */
  readonly to: number
}

/** The bytes that are loaded at a time for lines, and for a line that is longer. */
const WINDOW = 1024
const LONG_LINE = 400 * 1024

/** Upper limit for the lines of dashes that are kept, regardless of their meaning. */
const DASH_LINES_MAX = 100_000

/** Upper limit for the lines of dashes that may be delimiters, and are kept in addition. */
const DELIMITERS_MAX = 200_000

/** The units of work of a line of dashes. */
const DASH_COST = 16

/**
 * The text of a mail as its readings need it: the lines of its headers, and the lines of dashes elsewhere.
 * The mail is searched for those once, as far as any reading has come, so that further readings do not search
 * the contents again.
 */
export class MailText {
  readonly #source: Bytes
  readonly #isKnown: (start: string) => boolean
  #window: Buffer = Buffer.alloc(0)
  #windowAt = 0
  readonly #longEnds = new Map<number, number>()
  readonly #notBlank = new Map<number, number>()
  /** The texts after the dashes of long lines, by their offsets. */
  readonly #longDashTexts = new Map<number, string>()
  readonly #inLines = new Map<string, { readonly at: number | undefined }>()

  readonly #chunks: Iterator<Buffer>
  readonly #dashLines = new DashLines()
  readonly #blocks = new LineBlocks((block, midLine) => this.#take(block, midLine))
  #searched = 0
  #isSearched = false
  /** The offset of the last line of dashes that began with no open boundary when it was searched, and is left out. */
  #lastLeftOut = -1
  /** Whether lines were left out that may be delimiters. */
  isFull = false
  /** The offset of the first CR without a following LF that was found, and the end of what readings asked for. */
  #bareCrAt = Number.POSITIVE_INFINITY
  #askedTo = 0
  #units = 0

  /**
   * `isKnown` returns whether a line, from its dashes on, may be a delimiter, if there are very many of them.
   */
  constructor(source: Bytes, isKnown: (text: string) => boolean = () => false) {
    this.#source = source
    this.#isKnown = isKnown
    this.#chunks = source.chunks()[Symbol.iterator]()
  }

  get size(): number {
    return this.#source.size
  }

  /** Whether lines of dashes were left out. To a reading that opens other multiparts they may be delimiters. */
  get isThinned(): boolean {
    return this.#lastLeftOut >= 0
  }

  /**
   * Notes that a reading opens a multipart whose body begins at an offset. The search is ahead of the reading,
   * so a line that it has left out may be a delimiter of this multipart.
   */
  openMultipart(at: number): void {
    if (this.#lastLeftOut >= at) this.isFull = true
  }

  /**
   * Whether a line that a reading asked for, or one above it, has a CR without a following LF. How far the search is
   * ahead of the readings makes no difference.
   */
  get hasBareCr(): boolean {
    return this.#bareCrAt < this.#askedTo
  }

  #noteBareCr(bytes: Buffer, at: number): void {
    if (this.#bareCrAt <= at) return
    const found = bareCrIn(bytes)
    if (found >= 0) this.#bareCrAt = Math.min(this.#bareCrAt, at + found)
  }

  #noteAsked(to: number): void {
    this.#askedTo = Math.max(this.#askedTo, to)
  }

  /** Returns the line that begins at an offset. */
  line(from: number): Line {
    const line = this.#lineAt(from)
    this.#noteBareCr(line.bytes, from)
    this.#noteAsked(from + line.bytes.length)
    return line
  }

  #lineAt(from: number): Line {
    let window = this.#loaded(from, WINDOW)
    let lf = window.indexOf(LF)
    if (lf < 0 && from + window.length < this.size) {
      window = this.#load(from, WINDOW)
      lf = window.indexOf(LF)
    }
    if (lf < 0 && from + window.length < this.size) {
      window = this.#load(from, LONG_LINE)
      lf = window.indexOf(LF)
    }
    if (lf >= 0) return { bytes: window.subarray(0, lf + 1), to: from + lf + 1 }
    return { bytes: window, to: this.#endOfLong(from, from + window.length) }
  }

  /**
   * Returns the offset of the first byte at or after this offset that is neither a blank nor a control
   * character.
   */
  notBlankFrom(from: number): number {
    const isFound = (byte: number) => byte > SPACE
    const near = this.#loaded(from, WINDOW).findIndex(isFound)
    return near >= 0 ? from + near : this.#firstFrom(from, this.#notBlank, isFound)
  }

  #firstFrom(
    from: number,
    knownEnds: Map<number, number>,
    isFound: (byte: number) => boolean,
  ): number {
    const known = knownEnds.get(from)
    if (known !== undefined) return known
    let at = from
    for (const chunk of this.#source.chunks(from)) {
      const found = chunk.findIndex(isFound)
      at += found < 0 ? chunk.length : found
      if (found >= 0) break
    }
    this.#units += at - from
    knownEnds.set(from, at)
    return at
  }

  /**
   * Returns the offset of the first delimiter of a part between two offsets that is preceded by other text in its line,
   * or undefined if there is none. `boundaries` are in lower case. Yields units of work.
   */
  *delimiterInLine(
    from: number,
    to: number,
    boundaries: readonly string[],
  ): Generator<number, number | undefined> {
    if (boundaries.length === 0 || from >= to) return undefined
    const key = `${from} ${to} ${boundaries.join('\n')}`
    const known = this.#inLines.get(key)
    if (known) return known.at
    const search = new PreambleSearch(boundaries)
    let at: number | undefined
    for (const chunk of this.#source.chunks(from, to)) {
      for (let piece = 0; piece < chunk.length && at === undefined; piece += LINES_PIECE) {
        at = yield* search.next(chunk.subarray(piece, piece + LINES_PIECE))
      }
      if (at !== undefined) break
    }
    const found = at === undefined ? undefined : from + at
    this.#inLines.set(key, { at: found })
    return found
  }

  /** Returns the number of the first line of dashes at or after this offset. Yields units of work. */
  *dashLineFrom(from: number): Generator<number, number> {
    while (!this.#isSearched && this.#dashLines.lastAt < from) yield this.#search()
    return this.#dashLines.numberFrom(from)
  }

  /** Returns the line of dashes of this number, or undefined if there are no more. Yields units of work. */
  *dashLine(number: number): Generator<number, DashLine | undefined> {
    while (!this.#isSearched && number >= this.#dashLines.length) yield this.#search()
    const line = this.#dashLines.line(number)
    this.#noteAsked(line?.at ?? this.size)
    return line
  }

  /** Returns the text after the first two dashes of a line, as far as it may matter. */
  textOf({ dashes }: DashLine): string {
    const from = dashes + 2
    const text = this.#dashText(from)
    return text.length < DASH_TEXT_MAX ? text : this.#longDashText(from, text)
  }

  /** Returns the same for a long line: it may have many bytes that some program skips. */
  #longDashText(from: number, begin: string): string {
    const known = this.#longDashTexts.get(from)
    if (known !== undefined) return known
    let text = cutDashText(begin)
    if (text.length >= DASH_TEXT_MAX) return text // most lines, which need not be kept in memory
    let piece = begin
    for (let at = from; piece.length === DASH_TEXT_MAX && text.length < DASH_TEXT_MAX; ) {
      at += DASH_TEXT_MAX
      piece = this.#dashText(at)
      text = cutDashText(text + piece)
      this.#units += DASH_TEXT_MAX
    }
    this.#longDashTexts.set(from, text)
    return text
  }

  #dashText(from: number): string {
    let bytes = this.#loaded(from, DASH_TEXT_MAX)
    if (bytes.length < DASH_TEXT_MAX && !bytes.includes(LF)) bytes = this.#load(from, DASH_TEXT_MAX)
    const lf = bytes.indexOf(LF)
    let end = Math.min(DASH_TEXT_MAX, lf < 0 ? bytes.length : lf)
    // Whether an LF follows the last byte is known only up to the end of the line.
    this.#noteBareCr(bytes.subarray(0, lf < 0 ? end - 1 : end + 1), from)
    this.#noteAsked(from + end)
    while (end > 0 && bytes[end - 1] === CR) end--
    return bytes.toString('latin1', 0, end)
  }

  #loaded(from: number, length: number): Buffer {
    const at = from - this.#windowAt
    if (at >= 0 && at < this.#window.length) return this.#window.subarray(at)
    return this.#load(from, length)
  }

  #load(from: number, length: number): Buffer {
    this.#window = this.#source.gather(from, Math.min(this.size, from + length))
    this.#windowAt = from
    return this.#window
  }

  #endOfLong(from: number, searched: number): number {
    const known = this.#longEnds.get(from)
    if (known !== undefined) return known
    let at = searched
    for (const chunk of this.#source.chunks(searched)) {
      const lf = chunk.indexOf(LF)
      at += lf < 0 ? chunk.length : lf + 1
      if (lf >= 0) break
    }
    this.#units += at - searched
    this.#longEnds.set(from, at)
    return at
  }

  #piece: Buffer = Buffer.alloc(0)

  /** Searches the next piece. Returns the units of work. */
  #search(): number {
    if (this.#piece.length === 0) {
      const { done, value } = this.#chunks.next()
      if (done) {
        this.#blocks.end()
        this.#isSearched = true
        return this.#takeUnits()
      }
      this.#piece = value
    }
    const piece = nextLines(this.#piece, 0, LINES_PIECE)
    this.#piece = this.#piece.subarray(piece.length)
    this.#units += piece.length
    this.#blocks.push(piece)
    return this.#takeUnits()
  }

  #takeUnits(): number {
    const units = this.#units
    this.#units = 0
    return units
  }

  #take(block: Buffer, midLine: boolean): void {
    this.#noteBareCr(block, this.#searched)
    const hasNul = block.includes(NUL)
    const next = (from: number) => dashesIn(block, from, hasNul)
    for (let found = next(0); found >= 0; ) {
      this.#units += DASH_COST
      const line = dashLineIn(block, found)
      if (line && !(line.at === 0 && midLine)) this.#addDashLine(block, line)
      const lf = block.indexOf(LF, found)
      if (lf < 0) break
      found = next(lf + 1)
    }
    this.#searched += block.length
  }

  #addDashLine(block: Buffer, { at, dashes, firsts }: DashLine): void {
    if (this.#dashLines.length >= DASH_LINES_MAX) {
      if (!this.#isKnown(block.toString('latin1', dashes + 2, dashes + 2 + DASH_TEXT_MAX))) {
        this.#lastLeftOut = this.#searched + at
        return
      }
      this.isFull ||= this.#dashLines.length >= DASH_LINES_MAX + DELIMITERS_MAX
      if (this.isFull) return
    }
    this.#dashLines.push({ at: this.#searched + at, dashes: this.#searched + dashes, firsts })
  }
}

/** Returns the offset of the first CR without a following LF, or -1. */
function bareCrIn(block: Buffer): number {
  for (let cr = block.indexOf(CR); cr >= 0; cr = block.indexOf(CR, cr + 1)) {
    if (block[cr + 1] !== LF) return cr
  }
  return -1
}

/** The bytes with an LF for each bare CR: the mail as read by programs for which a CR ends a line. */
export class CrsAsLineEnds extends Bytes {
  readonly #source: Bytes

  constructor(source: Bytes) {
    super()
    this.#source = source
  }

  get size(): number {
    return this.#source.size
  }

  *chunks(from = 0, to = this.size): Generator<Buffer> {
    let at = from
    for (const chunk of this.#source.chunks(from, to)) {
      const changed = Buffer.from(chunk)
      at += chunk.length
      for (let cr = changed.indexOf(CR); cr >= 0; cr = changed.indexOf(CR, cr + 1)) {
        const isLast = cr === changed.length - 1
        const next = isLast && at < this.size ? this.#source.gather(at, at + 1)[0] : changed[cr + 1]
        if (next !== LF) changed[cr] = LF
      }
      yield changed
    }
  }
}
