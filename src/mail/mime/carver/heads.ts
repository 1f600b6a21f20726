import { LF } from '../../../base/bytes/ascii.ts'
import { withoutLineEnd } from '../../../base/bytes/lines.ts'
import { limits } from '../budget/limits.ts'
import { isBlankLine, isMailboxLine, kindOfLine, STRANGE_MAX } from '../headers/header-lines.ts'
import { MimeLines } from '../headers/mime-lines.ts'
import type { HeaderCache } from '../headers/part-header.ts'
import { EMPTY_PART, type PartHeader } from '../headers/part-header.ts'
import { nextLine } from './cuts.ts'

/** A place at which a body may begin, and what the lines above it declare. */
export interface Head {
  readonly bodyAt: number
  readonly header: PartHeader
  /** The lines above it that may describe content: only these are covered by stamps, and by what copies are known by. */
  readonly text: string
}

/** The heads below a cut. */
export interface Heads {
  readonly heads: readonly Head[]
  /** The number of messages that begin there: headers in a row, or a header that announces a message. */
  readonly messages: number
  /** Whether fields are there with lines among them that are none, or are blank. */
  readonly isStrange: boolean
  readonly first: PartHeader
  /** All lines, read by programs for which a bare CR does not end a line. */
  readonly withCrs: PartHeader | undefined
}

const BARE_CR = /\r(?!\n)/

/** A range of a mail in which headers are looked for: from below a cut up to the next one. */
interface HeadRange {
  readonly from: number
  readonly to: number
  readonly isOfPart: boolean
  /** Whether a cut begins at an offset. */
  readonly isCut: (at: number) => boolean
  readonly cache: HeaderCache
}

/** Upper limit for the headers in a row: that of a part, and those of more attached messages than scans allow. */
const HEADERS_MAX = limits.nesting + 2
/** Upper limit for the lines of blanks in them below which a body may begin. */
const BLANKS_MAX = 2
/** Upper limit for the cuts that are lines of a header. */
const PASSED_MAX = 2
/** The units of work of a line in them. */
const LINE_COST = 8
/** Upper limit for the bytes of these headers. */
const HEADERS_LENGTH_MAX = 400 * 1024
/** What the header of an attached message begins with, and the bytes in which that is looked for. */
const HEADER_START = /^[\s\0]*(?:>?From |[!-9;-~]{1,80}[ \t]*:)/
const HEADER_START_MAX = 100

/**
 * Returns the places below a cut at which a body may begin: below each header, and below the blank lines under it; at the
 * first line that is not a field; and at the cut itself if an empty line is there, or no header. Without an empty line, a
 * header goes on past cuts. Yields units of work.
 */
export function headsBelow(bytes: Buffer, range: HeadRange): Generator<number, Heads> {
  return new HeadReader(bytes, range).read()
}

class HeadReader {
  readonly #bytes: Buffer
  readonly #range: HeadRange
  readonly #lines = new MimeLines()
  readonly #heads: Head[] = []
  #text = ''
  #hasPlainLines = true
  #hasField = false
  #isStrange = false
  /** The number of lines since the last field that are not fields. */
  #strange = 0
  #strangeAt: number | undefined
  /** The number of cuts among its lines. */
  #passed = 0

  constructor(bytes: Buffer, range: HeadRange) {
    this.#bytes = bytes
    this.#range = range
  }

  *read(): Generator<number, Heads> {
    const { from, to, isOfPart } = this.#range
    const end = Math.min(this.#bytes.length, from + HEADERS_LENGTH_MAX)
    // (The header of a mail begins below empty lines on top.)
    let headers = 0
    let blanks = 0
    let at = isOfPart ? from : yield* this.#belowBlanks(from)
    while (at < end && (at < to || this.#heads.length === 0) && !this.#isOver) {
      const next = nextLine(this.#bytes, at)
      yield LINE_COST + next - at
      const isBlank = this.#isBlank(at, next)
      const isEmpty = isBlank && this.#isEmpty(at, next)
      if (isBlank && !isEmpty) this.#isStrange = true
      if (isEmpty || (isBlank && ++blanks <= BLANKS_MAX)) this.#add(next)
      if (isEmpty) {
        at = yield* this.#belowBlanks(next)
        if (++headers === HEADERS_MAX || !this.#beginsHeader(at)) break
      } else {
        this.#takeLine(at, next)
        at = next
      }
    }
    const [first] = this.#heads
    if (first?.header.isShown === false && at < to) this.#add(at)
    if (this.#strangeAt !== undefined) this.#add(this.#strangeAt)
    else if (first === undefined || this.#isBlank(from, nextLine(this.#bytes, from)))
      this.#add(from)
    const isMessage = first?.header.isMessage === true
    return {
      heads: this.#heads,
      messages: Math.max(headers - 1, isMessage ? 1 : 0),
      isStrange: this.#hasField && this.#isStrange,
      first: this.#heads[0]!.header,
      withCrs: BARE_CR.test(this.#text) ? this.#readWithCrs() : undefined,
    }
  }

  get #isOver(): boolean {
    return this.#strange > STRANGE_MAX || this.#passed > PASSED_MAX
  }

  #add(bodyAt: number): void {
    if (this.#heads.some((head) => head.bodyAt === bodyAt)) return
    const { text, hidesLineEnd, decodedWords } = this.#lines
    const words = hidesLineEnd ? decodedWords : ''
    this.#heads.push({ bodyAt, header: this.#header(), text: text + words })
  }

  #header(): PartHeader {
    const { isOfPart } = this.#range
    if (isOfPart && !this.#hasField && this.#lines.length === 0) return EMPTY_PART
    const isPlain = this.#hasPlainLines && this.#passed === 0
    return this.#range.cache.read(this.#lines, { isPlain, isOfPart })
  }

  #readWithCrs(): PartHeader {
    const lines = new MimeLines()
    for (const line of this.#text.split(/(?<=\n)/)) lines.add(line, /^[ \t]/.test(line))
    return this.#range.cache.read(lines, { isPlain: false, isOfPart: this.#range.isOfPart })
  }

  #takeLine(at: number, next: number): void {
    const line = this.#bytes.subarray(at, next)
    const text = line.toString('latin1')
    const isFirst = this.#text === ''
    this.#text += text
    const kind = kindOfLine(line, withoutLineEnd(line, 0, line.length), this.#strange > 0)
    if (kind === 'field') this.#hasField = true
    if (kind === 'field' || kind === 'fold') {
      this.#strange = 0
      this.#lines.add(text, kind === 'fold' && !isFirst)
    } else if (kind === 'blank') this.#lines.add(text, true)
    else if (this.#range.isCut(at)) this.#passed++
    else if (!isFirst || this.#range.isOfPart || !isMailboxLine(line, 0)) {
      this.#hasPlainLines = false
      this.#isStrange = true
      this.#strangeAt ??= at
      this.#strange++
      this.#lines.add(text, false)
    }
  }

  #isEmpty(at: number, next: number): boolean {
    return withoutLineEnd(this.#bytes, at, next) === at && this.#bytes[next - 1] === LF
  }

  #isBlank(at: number, next: number): boolean {
    return isBlankLine(this.#bytes, at, withoutLineEnd(this.#bytes, at, next))
  }

  /** Returns the offset of the first line from there on that is not blank. */
  *#belowBlanks(from: number): Generator<number, number> {
    let at = from
    while (at < this.#bytes.length && at < this.#range.to) {
      const next = nextLine(this.#bytes, at)
      yield LINE_COST + next - at
      if (!this.#isBlank(at, next)) break
      at = next
    }
    return at
  }

  #beginsHeader(at: number): boolean {
    return HEADER_START.test(this.#bytes.toString('latin1', at, at + HEADER_START_MAX))
  }
}
