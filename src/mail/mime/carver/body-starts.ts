import { LF, SPACE, TAB } from '../../../base/bytes/ascii.ts'
import { withoutLineEnd } from '../../../base/bytes/lines.ts'
import { type MailBytes, shortText } from '../../message/bytes.ts'
import {
  beginsAsHeader,
  extendsHeader,
  isBlankLine,
  isField,
  isMailboxLine,
  OTHER_LINES_MAX,
} from '../../message/field-line.ts'
import { characterCosts, costs } from '../budget/costs.ts'
import { limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'
import { MimeLines, type MimeText } from '../headers/mime-lines.ts'
import { EMPTY_PART, type PartHeader, readPartHeader } from '../headers/part-header.ts'
import { LineEnds } from '../structure/cuts.ts'

const isMessageOrUntyped = ({ isMessage, type }: PartHeader) => isMessage || type === ''

/** A place at which a body may begin, and what the lines above it declare. */
export interface BodyStart {
  readonly bodyAt: number
  readonly header: PartHeader
  /** The lines above it that may describe content: only these are covered by stamps, and by the fingerprint of copies. */
  readonly text: string
}

/** What is below a cut, or at the top of the mail. */
export interface BodyStarts {
  /** The places at which a body may begin: at least one. */
  readonly starts: readonly BodyStart[]
  /** Where the body begins below the first header: at a line that is not a field, or at the cut, if no empty line ends it. */
  readonly bodyAt: number
  /** The headers in a row, each of a message that the one above it declares, or may declare by default. */
  readonly nested: readonly PartHeader[]
  /** Whether fields are there with lines among them that are none, or are blank. */
  readonly hasOtherLines: boolean
  /** The header of all lines, as programs read it for which a bare CR does not end a line. */
  readonly withCrs: PartHeader | undefined
}

const BARE_CR = /\r(?!\n)/
const LINES_WITH_CRS = /(?<=\n|\r(?!\n))/

/** A range of a mail in which headers are looked for: from below a cut up to the next one. */
interface SearchedRange {
  readonly from: number
  readonly to: number
  readonly isOfPart: boolean
  /** Whether a cut begins at an offset. */
  readonly isCut: (at: number) => boolean
}

/** Upper limit for the headers in a row: that of a part, and those of more attached messages than scans allow. */
const HEADERS_MAX = limits.nesting + 2
/** Upper limit for the lines of blanks in these headers below which a body may begin. */
const BLANKS_MAX = 2
/** Upper limit for the cuts that are lines of a header. */
const PASSED_MAX = 2
/** Upper limit for the bytes of the headers in a row. */
const HEADERS_LENGTH_MAX = 400 * 1024
/** The bytes in which it is looked for how the header of an attached message begins. */
const HEADER_START = 100
/** The bytes of the first line of a body that libclamav may take for one of the header above. */
const FIRST_LINE_MAX = 4096

/**
 * Returns the places below a cut at which a body may begin: below each header, and below the blank lines under it; at the
 * first line that is not a field; and at the cut itself if an empty line is there, or no header. Without an empty line, a
 * header goes on past cuts.
 */
export function bodyStartsBelow(
  bytes: MailBytes,
  range: SearchedRange,
  work: Work,
): Steps<BodyStarts> {
  return new BodyStartSearch(bytes, range, work).read()
}

class BodyStartSearch {
  readonly #bytes: MailBytes
  readonly #range: SearchedRange
  readonly #work: Work
  readonly #lineEnds: LineEnds
  #lines = new MimeLines()
  readonly #starts: BodyStart[] = []
  /** All lines so far. */
  #text = ''
  /** Where in the text the header begins that was not read yet. */
  #nextHeader = 0
  #hasFieldsAlone = true
  #hasField = false
  #hasOthers = false
  /** The number of lines since the last field that are not fields. */
  #others = 0
  /** The body that begins at the first line that is not a field. */
  #other: BodyStart | undefined
  /** Where the last such lines in a row begin, and how long the text above them is. */
  #lastRun: { readonly at: number; readonly above: number } | undefined
  /** The number of cuts among its lines. */
  #passed = 0

  constructor(bytes: MailBytes, range: SearchedRange, work: Work) {
    this.#bytes = bytes
    this.#range = range
    this.#work = work
    this.#lineEnds = new LineEnds(bytes, work)
  }

  *read(): Steps<BodyStarts> {
    const { from, to, isOfPart } = this.#range
    const end = Math.min(this.#bytes.length, from + HEADERS_LENGTH_MAX)
    // (The header of a mail begins below empty lines on top.)
    const nested: PartHeader[] = []
    let headers = 0
    let blanks = 0
    let at = isOfPart ? from : yield* this.#belowBlanks(from)
    while (at < end && (at < to || this.#starts.length === 0) && !this.#isOver) {
      const next = yield* this.#lineEnds.next(at)
      yield* this.#work.countUnits(costs.headerLine)
      const isBlank = this.#isBlank(at, next)
      const isEmpty = isBlank && this.#isEmpty(at, next)
      if (isBlank && !isEmpty) this.#hasOthers = true
      if (isEmpty || (isBlank && ++blanks <= BLANKS_MAX)) yield* this.#add(next)
      if (isEmpty) {
        if (nested.length === headers && nested.every(isMessageOrUntyped)) {
          const characters = this.#text.length - this.#nextHeader
          yield* this.#work.countUnits(characterCosts.header * characters)
          nested.push(this.#endHeader())
        }
        at = yield* this.#belowBlanks(next)
        if (++headers === HEADERS_MAX || !this.#beginsHeader(at)) break
        yield* this.#beginHeader(at)
      } else {
        yield* this.#takeLine(at, next)
        at = next
      }
    }
    const [first] = this.#starts
    if (first === undefined || (!first.header.isShown && at < to)) yield* this.#add(at)
    if (this.#other) this.#push(this.#other)
    if (this.#lastRun) this.#push(yield* this.#startAtRun(this.#lastRun))
    if (first === undefined || this.#isBlank(from, yield* this.#lineEnds.next(from)))
      this.#starts.push({ bodyAt: from, header: EMPTY_PART, text: '' })
    return {
      starts: this.#starts,
      bodyAt: (first ?? this.#other)?.bodyAt ?? from,
      nested: first === undefined ? [this.#starts[0]!.header] : nested,
      hasOtherLines: this.#hasField && this.#hasOthers,
      withCrs: BARE_CR.test(this.#text) ? yield* this.#readWithCrs() : undefined,
    }
  }

  get #isOver(): boolean {
    return this.#others > OTHER_LINES_MAX || this.#passed > PASSED_MAX
  }

  *#add(bodyAt: number): Steps {
    this.#push(yield* this.#startAt(bodyAt))
  }

  #push(start: BodyStart): void {
    if (!this.#starts.some(({ bodyAt }) => bodyAt === start.bodyAt)) this.#starts.push(start)
  }

  /** Returns the body that begins at an offset for programs that end the header there. */
  *#startAt(bodyAt: number): Steps<BodyStart> {
    yield* this.#work.countUnits(costs.header + this.#lines.units)
    const read = this.#lines.read()
    return { bodyAt, header: this.#header(read), text: read.text }
  }

  *#countHeader(length: number): Steps {
    yield* this.#work.countUnits(costs.header + characterCosts.header * length)
  }

  *#startAtRun({ at, above }: { readonly at: number; readonly above: number }): Steps<BodyStart> {
    yield* this.#countHeader(above)
    const text = this.#text.slice(0, above)
    return { bodyAt: at, header: this.#readText(text, LINES_WITH_CRS), text }
  }

  #header(read: MimeText): PartHeader {
    const { isOfPart } = this.#range
    if (isOfPart && !this.#hasField && read.text === '') return EMPTY_PART
    const isWellFormed = this.#hasFieldsAlone && this.#passed === 0
    return readPartHeader(read, { isWellFormed, isOfPart })
  }

  *#readWithCrs(): Steps<PartHeader> {
    yield* this.#countHeader(this.#text.length)
    return this.#readText(this.#text)
  }

  /**
   * Returns what the lines since the last empty line declare, or since the top: a message, if they do so for programs for
   * which a bare CR ends a line, or for the others.
   */
  #endHeader(): PartHeader {
    const from = this.#nextHeader
    this.#nextHeader = this.#text.length
    const text = this.#text.slice(from)
    const hasCrs = BARE_CR.test(text)
    const isFirst = from === 0
    if (isFirst && !hasCrs) return this.#starts.at(-1)!.header
    const read = this.#readText(text)
    if (read.isMessage || !hasCrs) return read
    return isFirst ? this.#starts.at(-1)!.header : this.#readText(text, LINES_WITH_CRS)
  }

  /** Begins another header: for most programs what is above its empty line does not describe its body. */
  *#beginHeader(at: number): Steps {
    const end = Math.min(yield* this.#lineEnds.next(at), at + FIRST_LINE_MAX)
    if (extendsHeader(yield* this.#work.text(this.#bytes, at, end))) return
    this.#lines = new MimeLines()
    this.#hasField = false
    this.#hasFieldsAlone = true
  }

  #readText(text: string, lineEnd = /(?<=\n)/): PartHeader {
    const lines = new MimeLines()
    for (const line of text.split(lineEnd)) lines.add(line, /^[ \t]/.test(line))
    return readPartHeader(lines.read(), { isWellFormed: false, isOfPart: this.#range.isOfPart })
  }

  *#takeLine(at: number, next: number): Steps {
    const line = this.#bytes.subarray(at, next)
    const text = yield* this.#work.text(line)
    const isFirst = this.#text === ''
    this.#text += text
    const end = withoutLineEnd(line, 0, line.length)
    const isIndented = line[0] === SPACE || line[0] === TAB
    // What looks like a fold of a line that is not a field is none, either.
    const isFold = isIndented && this.#others === 0
    if (end > 0 && isBlankLine(line, 0, end)) this.#lines.add(text, true)
    else if (isFold || (!isIndented && isField(line, 0, end))) {
      if (!isFold) this.#hasField = true
      this.#others = 0
      this.#lines.add(text, isFold && !isFirst)
    } else if (this.#range.isCut(at)) this.#passed++
    else if (!isFirst || this.#range.isOfPart || !isMailboxLine(text)) {
      this.#other ??= yield* this.#startAt(at)
      if (this.#others === 0) this.#lastRun = { at, above: this.#text.length - text.length }
      this.#hasFieldsAlone = false
      this.#hasOthers = true
      this.#others++
      this.#lines.add(text, false)
    }
  }

  /** CRs above an LF are one line end (LineEnds). A line of a bare CR is blank: programs differ in whether it ends the header. */
  #isEmpty(at: number, next: number): boolean {
    return withoutLineEnd(this.#bytes, at, next) === at && this.#bytes[next - 1] === LF
  }

  #isBlank(at: number, next: number): boolean {
    return isBlankLine(this.#bytes, at, withoutLineEnd(this.#bytes, at, next))
  }

  /** Returns the offset of the first line from there on that is not blank. */
  *#belowBlanks(from: number): Steps<number> {
    let at = from
    while (at < this.#bytes.length && at < this.#range.to) {
      const next = yield* this.#lineEnds.next(at)
      yield* this.#work.countUnits(costs.headerLine + next - at)
      if (!this.#isBlank(at, next)) break
      at = next
    }
    return at
  }

  #beginsHeader(at: number): boolean {
    const start = shortText(this.#bytes, at, HEADER_START)
    return beginsAsHeader(start.replace(/^[\s\0]+/, ''))
  }
}
