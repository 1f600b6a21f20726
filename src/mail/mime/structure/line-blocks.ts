import { CR, DASH, LF } from '../../../lib/net/ascii.ts'
import { indexOrEnd } from '../shared/lines.ts'
import { CodedSearch, startOfLine } from './coded-data.ts'

/** How many bytes of a line are looked at together; a longer line is taken in pieces. */
const LINE_MAX = 16 * 1024

/**
 * Turns bytes that come in pieces of any size into blocks of whole lines, and parts a long line
 * into several blocks. `midLine` says that a block begins inside of a line. A block is valid until
 * `take` returns.
 */
export class LineBlocks {
  readonly #take: (block: Buffer, midLine: boolean) => void
  /** The beginning of a line whose end has not come yet stands at the front of it. */
  #held: Buffer = Buffer.alloc(0)
  #heldLength = 0
  #midLine = false

  constructor(take: (block: Buffer, midLine: boolean) => void) {
    this.#take = take
  }

  push(chunk: Buffer): void {
    let from = 0
    if (this.#heldLength > 0) {
      const lf = chunk.indexOf(LF)
      from = lf < 0 ? chunk.length : lf + 1
      this.#hold(chunk, 0, from)
      if (lf >= 0) this.#giveHeld(this.#heldLength)
      else if (this.#heldLength > LINE_MAX) this.#giveHeld(endOfPiece(this.#heldBytes))
    }
    let end = Math.max(from, chunk.lastIndexOf(LF) + 1)
    if (chunk.length - end > LINE_MAX) end += endOfPiece(chunk.subarray(end))
    if (end > from) this.#give(chunk.subarray(from, end))
    this.#hold(chunk, end, chunk.length)
  }

  /** Gives the rest, which is a last line without a line end. */
  end(): void {
    if (this.#heldLength > 0) this.#giveHeld(this.#heldLength)
  }

  /** Drops the rest: nothing more will be taken. */
  forget(): void {
    this.#heldLength = 0
  }

  get #heldBytes(): Buffer {
    return this.#held.subarray(0, this.#heldLength)
  }

  /** Keeps a copy. The memory doubles when it is full, so that many small pieces cost little. */
  #hold(bytes: Buffer, from: number, to: number): void {
    const length = this.#heldLength + to - from
    if (length > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#held.length))
      this.#held.copy(larger, 0, 0, this.#heldLength)
      this.#held = larger
    }
    bytes.copy(this.#held, this.#heldLength, from, to)
    this.#heldLength = length
  }

  #giveHeld(length: number): void {
    const held = this.#heldBytes
    this.#heldLength -= length
    this.#give(held.subarray(0, length))
    held.copyWithin(0, length)
  }

  #give(block: Buffer): void {
    const midLine = this.#midLine
    this.#midLine = block.at(-1) !== LF && block.at(-1) !== CR
    this.#take(block, midLine)
  }
}

/**
 * How much of a line without an LF is taken: up to its last bare CR, where the line ends to some
 * readers. CRs at the very end are left, since an LF may follow them.
 */
function endOfPiece(bytes: Buffer): number {
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === CR) end--
  if (end === 0) return bytes.length
  const cr = bytes.lastIndexOf(CR, end - 1)
  return cr < 0 ? end : cr + 1
}

/** The most bytes other than blanks that may stand on a line before the dash of `Content-`. */
const NAME_FRONT_MAX = 60
/** The most of them before the dashes of a boundary that is known (enmime looks so much further). */
export const DASHES_FRONT_MAX = 2

/** The units of work of a dash, besides those of its bytes. */
const DASH_COST = 16

/** Searches a block of bytes for lines at which a part, a header or encoded data may begin. */
export class EventSearch {
  readonly #bytes: Buffer
  readonly #coded: CodedSearch | undefined
  readonly #isBoundary: (at: number) => boolean
  readonly #midLine: boolean
  #dash = -1
  #dashLine = -1
  #codedLine = -1
  #dashUnits = 0

  /**
   * `coded` says that lines at which encoded data begins count; `midLine`, that the block begins inside of
   * a line; `isBoundary`, whether a boundary that is known stands at a place in the block.
   */
  constructor(
    bytes: Buffer,
    {
      coded,
      midLine,
      isBoundary,
    }: {
      readonly coded: boolean
      readonly midLine: boolean
      readonly isBoundary: (at: number) => boolean
    },
  ) {
    this.#bytes = bytes
    this.#isBoundary = isBoundary
    this.#midLine = midLine
    this.#coded = coded ? new CodedSearch(bytes, { midLine }) : undefined
  }

  /** The units of work so far, besides those of bytes. */
  get units(): number {
    return this.#dashUnits + (this.#coded?.units ?? 0)
  }

  /**
   * Returns where the next such line begins; the block's length if there is no such line. `from`
   * must be the start of a line.
   */
  next(from: number): number {
    if (this.#dashLine < from) this.#dashLine = this.#nextDashLine(from)
    if (this.#codedLine < from) this.#codedLine = this.#coded?.next(from) ?? this.#bytes.length
    return Math.min(this.#dashLine, this.#codedLine)
  }

  #nextDashLine(from: number): number {
    const bytes = this.#bytes
    let least = from
    for (;;) {
      if (this.#dash < least) this.#dash = indexOrEnd(bytes, DASH, least)
      if (this.#dash === bytes.length) return bytes.length
      this.#dashUnits += DASH_COST
      const line = this.#lineOfDash(this.#dash, from)
      if (line !== undefined && !(line === 0 && this.#midLine)) return line
      // The search goes on after what was found, and skips a row of dashes as a whole.
      least = this.#dash + 1
      while (bytes[least] === DASH) least++
    }
  }

  /**
   * Returns where the line begins that has the dash at `found`; undefined if nothing begins at that
   * line, or the line begins before `from`.
   */
  #lineOfDash(found: number, from: number): number | undefined {
    const bytes = this.#bytes
    if (bytes[found + 1] !== DASH) {
      return isMimeName(bytes, found) ? startOfLine(bytes, found, from, NAME_FRONT_MAX) : undefined
    }
    const line = startOfLine(bytes, found, from, DASHES_FRONT_MAX)
    if (line === undefined || startOfLine(bytes, found, line, 0) !== undefined) return line
    return this.#isBoundary(found + 2) ? line : undefined
  }
}

/** Returns whether the dash belongs to `Content-…:`, with few other characters around it. */
function isMimeName(bytes: Buffer, dash: number): boolean {
  if (!isBehindNt(bytes, dash)) return false
  const before = bytes.toString('latin1', Math.max(0, dash - 12), dash)
  if (!/content[^:\n]{0,4}$/i.test(before)) return false
  return /^-[^:\n]{0,30}:/.test(bytes.toString('latin1', dash, dash + 40))
}

/**
 * Returns whether the letters `nt`, as of `content`, end at most four bytes before the dash. Most
 * dashes fail this quick check.
 */
function isBehindNt(bytes: Buffer, dash: number): boolean {
  for (let at = dash - 1; at >= dash - 5; at--) {
    if ((bytes[at]! | 32) === 0x74 && (bytes[at - 1]! | 32) === 0x6e) return true
  }
  return false
}
