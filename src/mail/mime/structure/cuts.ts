import { CR, DASH, LF, NUL, SPACE, TAB } from '../../../base/bytes/ascii.ts'
import { indexOrEnd, isAllBlank } from '../../../base/bytes/lines.ts'
import type { ByteRange, MailBytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Steps, Work } from '../budget/work.ts'

/** A line that begins like a delimiter of some multipart. */
export interface Cut {
  /** The offsets at which the line and the next one begin. */
  readonly at: number
  readonly to: number
  /** The line as it is written, without its end and the dashes that close a multipart. */
  readonly text: string
  /** The number of characters in front of the first dashes of the line. */
  readonly front: number
  /** Whether the line ends in the dashes that close a multipart. */
  readonly closes: boolean
}

/** Upper limits for what precedes the dashes: 3 characters, and 8 bytes together with NULs. */
const CHARACTERS_MAX = 3
const FRONT_MAX = 8
/** Upper limit for the bytes of a comment in front of the dashes, and the bytes that it may end with. */
const COMMENT_MAX = 300
const CLOSES_COMMENT = ')'.charCodeAt(0)
const NO_BREAK_SPACE = 0xa0
const BEHIND_COMMENT: readonly number[] = [CLOSES_COMMENT, SPACE, TAB, NUL]
/** Upper limit for the bytes of a line that are compared: a boundary of 1,000 bytes, with NULs in it. */
const COMPARED_MAX = 1100

/**
 * ripmime reads a long line in pieces: of the first length in texts, of the second in binary data. It finds a delimiter where
 * a piece begins. Its dashes may begin that many bytes in front of the piece, or in the first bytes of it.
 */
const PIECES: readonly number[] = [1022, 1024]
const IN_FRONT_OF_PIECE_MAX = 2
/** How far behind the first offset in front of a piece the dashes may begin. */
const NEAR_PIECE = 3
/** The bytes of a line in which no other piece begins. */
const PIECE_LEAST = 1000

const LINE_ENDS: readonly number[] = [CR, LF]

/** Upper limit for the bytes that are counted at once. */
const SEARCHED = 64 * 1024

/**
 * Returns each line from an offset on that some program may take for a delimiter (CutSearch). Throws LimitExceeded if there
 * are too many.
 */
export function* cutsIn(bytes: MailBytes, work: Work, from = 0): Steps<readonly Cut[]> {
  const cuts: Cut[] = []
  const search = new CutSearch(bytes, work, from)
  for (let cut = yield* search.next(); cut; cut = yield* search.next())
    if (cuts.push(cut) > limits.parts)
      throw new LimitExceeded(`more than ${limits.parts} lines like delimiters`)
  return cuts
}

/**
 * Finds the lines from an offset on that some program may take for a delimiter, from the front to the end. Each begins with
 * two dashes, perhaps behind other characters or a comment, and with NULs between them. A bare CR ends a line, too, and the
 * last piece of a long line is one. With `isLax`, any piece is, and the lines that begin with a single dash are also found: one
 * in front of a boundary is enough for ripmime and libclamav. (The carver does not cut there: it would at each item of a list.)
 */
export class CutSearch {
  readonly #bytes: MailBytes
  readonly #work: Work
  readonly #lineEnds: LineEnds
  readonly #isLax: boolean
  /** From where on dashes are searched for. */
  #at: number
  /** The piece in which that is, which is counted, and the dashes in it, which are not yet. */
  #piece: ByteRange & { readonly bytes: Buffer }
  #dashes = 0
  /** Where the line of the last dash begins, and the dash. */
  #line: ByteRange

  constructor(bytes: MailBytes, work: Work, from: number, { isLax = false } = {}) {
    this.#bytes = bytes
    this.#work = work
    this.#lineEnds = new LineEnds(bytes, work)
    this.#isLax = isLax
    this.#at = from
    this.#piece = { from, to: from, bytes: Buffer.alloc(0) }
    this.#line = { from, to: from }
  }

  /** Returns the next line that some program may take for a delimiter. */
  *next(): Steps<Cut | undefined> {
    while (this.#at < this.#bytes.length) {
      if (this.#at >= this.#piece.to) yield* this.#countPiece()
      const { from, to, bytes } = this.#piece
      const dash = from + indexOrEnd(bytes, DASH, this.#at - from)
      this.#at = dash + 1
      if (dash === to) continue
      this.#dashes++
      const cut = this.#mayBeCut(dash) ? yield* this.#cutAt(dash) : undefined
      if (cut === undefined) continue
      this.#at = Math.min(cut.to, cut.at + PIECE_LEAST)
      yield* this.#work.countUnits(costs.cut)
      return cut
    }
    yield* this.#work.countUnits(costs.line * this.#dashes)
    this.#dashes = 0
    return undefined
  }

  /** Counts the dashes of a piece, and the next one before it is searched. */
  *#countPiece(): Steps {
    yield* this.#work.countUnits(costs.line * this.#dashes)
    this.#dashes = 0
    const from = this.#at
    const bytes = yield* this.#work.searched(this.#bytes, from, from + SEARCHED)
    this.#piece = { from, to: from + bytes.length, bytes }
  }

  /** Whether a line or a piece of one may begin with a dash, which is the first of two, or may be alone. */
  #mayBeCut(dash: number): boolean {
    const bytes = this.#bytes
    if (isDashed(bytes, dash)) {
      if (lineOf(bytes, dash) !== undefined || isBehindComment(bytes, dash)) return true
    } else if (!this.#isLax) return false
    else if (lineOfBlanks(bytes, dash) !== undefined) return true
    return this.#isNearPiece(dash)
  }

  /** Returns the line of a dash, or its piece of one, if that is like a delimiter that begins with this dash. */
  *#cutAt(dash: number): Steps<Cut | undefined> {
    const at = isDashed(this.#bytes, dash)
      ? (lineOf(this.#bytes, dash) ?? (yield* this.#lineOfComment(dash)))
      : lineOfBlanks(this.#bytes, dash)
    if (at !== undefined) return yield* this.#cut(at, dash, yield* this.#lineEnds.next(dash))
    if (!this.#isNearPiece(dash)) return undefined
    const to = yield* this.#lineEnds.next(dash, dash + PIECE_LEAST)
    // The lines below a cut are read from there on: those of a line of many pieces would be read again for each.
    const isLast = to < dash + PIECE_LEAST
    return isLast || this.#isLax ? yield* this.#cut(dash, dash, to) : undefined
  }

  /** Returns the line from an offset on, whose dashes are at another one. */
  *#cut(at: number, dash: number, to: number): Steps<Cut> {
    const bytes = this.#bytes
    const text = yield* this.#work.text(bytes, at, Math.min(to, at + COMPARED_MAX))
    const [line] = text.split(/[\r\n]/, 1) as [string]
    // Programs for which a bare CR ends no line read on there.
    const isBare = bytes[at + line.length] === CR && bytes[to - 1] === CR
    const written = isBare ? `${line}\r` : withoutClose(line)
    return { at, to, text: written, front: dash - at, closes: written.length < line.length }
  }

  /** Returns where the line of two dashes begins if only a comment is in front of them, which libclamav skips. */
  *#lineOfComment(dash: number): Steps<number | undefined> {
    const bytes = this.#bytes
    if (!isBehindComment(bytes, dash)) return undefined
    const from = Math.max(0, dash - COMMENT_MAX)
    let end = dash
    while (end > from && (bytes[end - 1]! <= SPACE || bytes[end - 1] === NO_BREAK_SPACE)) end--
    if (bytes[end - 1] !== CLOSES_COMMENT) return undefined
    const front = yield* this.#work.text(bytes, from, dash)
    const at = Math.max(front.lastIndexOf('\n'), front.lastIndexOf('\r')) + 1
    if (at === 0 && from > 0) return undefined
    const comment = front.slice(at).replaceAll('\0', '').trim()
    return comment.startsWith('(') && comment.endsWith(')') ? from + at : undefined
  }

  #isNearPiece(dash: number): boolean {
    let from = dash
    while (from > this.#line.to && !LINE_ENDS.includes(this.#bytes[from - 1]!)) from--
    this.#line = { from: from > this.#line.to ? from : this.#line.from, to: dash }
    const near = dash - this.#line.from + IN_FRONT_OF_PIECE_MAX
    return near >= PIECE_LEAST && PIECES.some((length) => near % length <= NEAR_PIECE)
  }
}

/** Whether a dash follows, behind NULs. */
function isDashed(bytes: MailBytes, dash: number): boolean {
  let next = dash + 1
  while (bytes[next] === NUL && next - dash <= FRONT_MAX) next++
  return bytes[next] === DASH
}

function isBehindComment(bytes: MailBytes, dash: number): boolean {
  return BEHIND_COMMENT.includes(bytes[dash - 1] ?? LF)
}

/** Returns where the line of a dash begins, or undefined if more than a few characters are in front of the dash. */
function lineOf(bytes: MailBytes, dash: number): number | undefined {
  let characters = 0
  for (let at = dash; dash - at <= FRONT_MAX && characters <= CHARACTERS_MAX; at--) {
    const byte = bytes[at - 1]
    if (byte === undefined || byte === LF || byte === CR) return at
    if (byte !== NUL) characters++
  }
  return undefined
}

/** Returns where the line of a single dash begins, if that is behind blanks alone: ripmime finds it, and no field such as `X-Mailer` begins so. */
function lineOfBlanks(bytes: MailBytes, dash: number): number | undefined {
  const at = lineOf(bytes, dash)
  return at !== undefined && isAllBlank(bytes, at, dash) ? at : undefined
}

/** Returns a line without the dashes that close a multipart. Those in front of a boundary close none. */
function withoutClose(line: string): string {
  const above = line.slice(0, -'--'.length)
  return line.endsWith('--') && /--./.test(above) ? above : line
}

/** The bytes in which the end of a line is searched for at a time, and upper limit for the CRs above an LF. */
const LINE = 128
const CRS_MAX = 1024

/**
 * Finds the ends of lines: LF, also below CRs, and a bare CR end a line. It remembers how far the CRs at hand go on, so a
 * run of them is read once, and not again for each. It looks no further than the line: many are made for a message, and a
 * LineSearch reads on to the next LF, and the next CR, wherever they are.
 */
export class LineEnds {
  readonly #bytes: MailBytes
  readonly #work: Work
  /** From where to where all bytes are known to be CRs. */
  #crs = { from: 0, to: 0 }

  constructor(bytes: MailBytes, work: Work) {
    this.#bytes = bytes
    this.#work = work
  }

  /** Returns the offset of the line below that of an offset, or `most` if that is not above it. */
  *next(from: number, most = this.#bytes.length): Steps<number> {
    const bytes = this.#bytes
    if (bytes[from] === CR) return this.#belowCrs(from)
    for (let at = from; at < most; at += LINE) {
      const piece = yield* this.#work.searched(bytes, at, Math.min(at + LINE, most))
      const lf = piece.indexOf(LF)
      const cr = piece.subarray(0, lf < 0 ? LINE : lf).indexOf(CR)
      if (cr >= 0) return this.#belowCrs(at + cr)
      if (lf >= 0) return at + lf + 1
    }
    return Math.min(most, bytes.length)
  }

  /** Returns the offset below an LF that follows CRs, or else below the first CR. */
  #belowCrs(cr: number): number {
    const isInRun = this.#crs.from <= cr && cr < this.#crs.to
    let to = isInRun ? this.#crs.to : cr
    while (this.#bytes[to] === CR && to - cr < CRS_MAX) to++
    this.#crs = { from: isInRun ? this.#crs.from : cr, to }
    return this.#bytes[to] === LF && to - cr <= CRS_MAX ? to + 1 : cr + 1
  }
}
