import { CR, DASH, LF, NUL, SPACE } from '../../../lib/bytes/ascii.ts'
import { firstNumber } from '../../../lib/bytes/lines.ts'
import { SEARCHED_PER_UNIT } from '../budget/work.ts'
import { Units } from './work-units.ts'

/** A line of a message, with its end. A long one is cut to the first LINE_MAX bytes. */
interface Line {
  readonly bytes: Buffer
  /** The offset at which the next line begins. */
  readonly to: number
}

/** Upper limit for the bytes of a line that are read. */
const LINE_MAX = 400 * 1024

/** Upper limit for the bytes after the dashes of a line that are compared: no boundary is longer. */
const DASH_TEXT_MAX = 1100

/** Upper limit for the lines of dashes that are kept for further readings. Each reading looks for those below again. */
const DASH_LINES_MAX = 100_000

/** The bytes that are searched for dashes between two turns. */
const SEARCHED = 256 * 1024

/** The units of work of a line of dashes, and of a CR. */
const DASH_COST = 16
const CR_COST = 2

/** The text of a mail as its readings need it: the lines of its headers, and the lines of dashes elsewhere. */
export class MailText {
  /** The work on this text that was not yielded yet. */
  readonly units = new Units()
  readonly #bytes: Buffer
  readonly #areCrsEnds: boolean
  #hasNul: boolean | undefined
  /** The offsets of lines of dashes up to an offset, in their order. */
  readonly #dashLines: number[] = []
  #searchedTo = 0
  /** The end of the last LF that was looked for, and from where. */
  #lfEnd = 0
  #lfSoughtFrom = 0
  /** The end of what readings asked for, and the offset up to which each CR is followed by an LF. */
  #askedTo = 0
  #plainTo = 0

  /** `areCrsEnds` means that a CR without a following LF ends a line. */
  constructor(bytes: Buffer, { areCrsEnds = false } = {}) {
    this.#bytes = bytes
    this.#areCrsEnds = areCrsEnds
  }

  get size(): number {
    return this.#bytes.length
  }

  /** Returns the line that begins at an offset. A CR at its end is an LF, if it ends the line. */
  line(from: number): Line {
    const to = this.#endOf(from)
    const bytes = this.#bytes.subarray(from, Math.min(to, from + LINE_MAX))
    this.units.add(bytes.length + (to - from) / SEARCHED_PER_UNIT)
    this.#noteAsked(from + bytes.length)
    if (!this.#areCrsEnds || bytes.at(-1) !== CR) return { bytes, to }
    return { bytes: Buffer.concat([bytes.subarray(0, -1), Buffer.of(LF)]), to }
  }

  /** Returns the offset of the first byte at or after this one that is neither a blank nor a control character. */
  notBlankFrom(from: number): number {
    let at = from
    while (at < this.size && this.#bytes[at]! <= SPACE) at++
    this.units.add(at - from)
    return at
  }

  /**
   * Returns whether a line that a reading asked for, or one above it, has a CR without a following LF. Yields units of
   * work.
   */
  *hasBareCr(): Generator<number, boolean> {
    const bytes = this.#bytes
    while (this.#plainTo < this.#askedTo) {
      const cr = bytes.indexOf(CR, this.#plainTo)
      if (cr >= 0 && bytes[cr + 1] !== LF) return cr < this.#askedTo
      this.units.add(CR_COST)
      if (this.units.areDue) yield this.units.take()
      this.#plainTo = cr < 0 ? this.size : cr + 1
    }
    return false
  }

  /** Returns whether the line that begins at an offset begins with two dashes. */
  isDashLine(at: number): boolean {
    return this.#secondDash(at) > at
  }

  /**
   * Returns the offset of the first line at or after this one that begins with two dashes, or undefined if there is none.
   * Yields units of work.
   */
  *dashLineFrom(from: number): Generator<number, number | undefined> {
    const kept = this.#dashLines
    if (from < this.#searchedTo) {
      const known = kept[firstNumber(kept.length, (number) => kept[number]! >= from)]
      if (known !== undefined) return this.#noteAsked(known)
    }
    while (this.#searchedTo < this.size && kept.length < DASH_LINES_MAX) {
      const found = yield* this.#search(this.#searchedTo)
      this.#searchedTo = found === undefined ? this.size : this.#endOf(found)
      if (found === undefined) break
      kept.push(found)
      if (found >= from) return this.#noteAsked(found)
    }
    const found = yield* this.#search(Math.max(from, this.#searchedTo))
    this.#noteAsked(found ?? this.size)
    return found
  }

  /**
   * Returns the text of a line after its first two dashes, as far as it may matter. Any number of blanks in front of a
   * boundary means the same as one, and so does any number of NULs, wherever they are.
   */
  dashText(at: number): string {
    const second = this.#secondDash(at)
    const from = second + 1
    let end = this.#endOf(at)
    while (end > from && (this.#bytes[end - 1] === LF || this.#bytes[end - 1] === CR)) end--
    this.#noteAsked(Math.min(end, from + DASH_TEXT_MAX))
    const begin = this.#bytes.toString('latin1', from, Math.min(end, from + DASH_TEXT_MAX))
    this.units.add(begin.length + (end - at) / SEARCHED_PER_UNIT)
    const isCut = end > from + DASH_TEXT_MAX && /^[ \t]|\0/.test(begin)
    const text = isCut ? this.#wholeDashText(from, end) : begin
    return second > at + 1 ? `\0${text}` : text // Thunderbird skips NULs between the dashes
  }

  #wholeDashText(from: number, to: number): string {
    this.units.add(to - from)
    const text = this.#bytes.toString('latin1', from, to)
    const bare = text.replaceAll('\0', '')
    const rest = bare.replace(/^[ \t]+/, '')
    const front = `${bare === text ? '' : '\0'}${rest === bare ? '' : ' '}`
    return front + rest.slice(0, DASH_TEXT_MAX)
  }

  #noteAsked(to: number): number {
    this.#askedTo = Math.max(this.#askedTo, to)
    return to
  }

  #endOf(from: number): number {
    const end = this.#afterLf(from)
    if (!this.#areCrsEnds) return end
    const cr = this.#bytes.subarray(from, end).indexOf(CR)
    return cr < 0 || this.#bytes[from + cr + 1] === LF ? end : from + cr + 1
  }

  /** Returns where the next line begins if CRs end none. It is looked for again only when it was passed. */
  #afterLf(from: number): number {
    const isKnown = from >= this.#lfSoughtFrom && from < this.#lfEnd
    if (isKnown) return this.#lfEnd
    const lf = this.#bytes.indexOf(LF, from)
    this.#lfSoughtFrom = from
    this.#lfEnd = lf < 0 ? this.size : lf + 1
    return this.#lfEnd
  }

  /** Returns the next line of dashes, from the beginning of a line on. */
  *#search(from: number): Generator<number, number | undefined> {
    const bytes = this.#bytes
    this.#hasNul ??= bytes.includes(NUL)
    const dashes = this.#hasNul ? '-' : '--'
    for (let at = from; at < this.size; ) {
      const found = bytes.subarray(at, at + SEARCHED + 1).indexOf(dashes)
      const to = found < 0 ? Math.min(this.size, at + SEARCHED) : at + found
      this.units.add((to - at) / SEARCHED_PER_UNIT + DASH_COST)
      if (this.units.areDue) yield this.units.take()
      if (found >= 0 && this.#isLineStart(to) && this.isDashLine(to)) return to
      at = found < 0 ? to : this.#endOf(to)
    }
    return undefined
  }

  #isLineStart(at: number): boolean {
    const before = at === 0 ? LF : this.#bytes[at - 1]
    return before === LF || (before === CR && this.#areCrsEnds)
  }

  /** Returns the offset of the second of two dashes that begin here, between which may be NULs, or -1. */
  #secondDash(at: number): number {
    if (this.#bytes[at] !== DASH) return -1
    let next = at + 1
    while (this.#bytes[next] === NUL) next++
    this.units.add(next - at)
    return this.#bytes[next] === DASH ? next : -1
  }
}
