import { LF } from '../../../lib/bytes/ascii.ts'
import { LineBlocks, nextLines } from '../../../lib/bytes/line-blocks.ts'
import { isAllBlank, LineSearch } from '../../../lib/bytes/lines.ts'
import type { Bytes } from '../../message/bytes.ts'
import { limits } from '../budget/limits.ts'
import { LINES_PIECE, type Steps, type Work } from '../budget/work.ts'
import { BINHEX_WORD } from '../decoders/binhex.ts'
import { BeginSearch } from './begin-words.ts'
import { type EmbeddedKind, type EmbeddedStart, embeddedFormats } from './embedded-formats.ts'

/** A line at which data begins for some program. */
export interface BeginLine extends EmbeddedStart {
  /** The offsets at which the line, and the data after it, begin: Infinity if a field announces data that never comes. */
  readonly at: number
  readonly from: number
}

/** The units of work of each line, and of one that begins data, in addition to those of bytes. */
const LINE_COST = 4
const BEGIN_COST = 512

/**
 * Upper limit for the lines that begin data of a kind: far more than the decoded blocks, and than the fields of parts,
 * and few enough to be kept.
 */
const BEGIN_LINES_MAX = 8 * limits.blocks + limits.parts

/**
 * The bytes of a line that are examined again with its next piece, if it is too long to be examined together: more
 * than a word that begins data in the middle of a line.
 */
const SEAM = 64
const NO_BYTES: Buffer = Buffer.alloc(0)

/** The lines of a text at which data begins. */
export interface BeginLines {
  /** Those of each kind that was searched for, in their order. */
  readonly found: ReadonlyMap<EmbeddedKind, BeginLine[]>
  /** Whether data begins at more lines than are kept. */
  readonly isCut: boolean
}

/** Searches a text for the lines at which data of these kinds begins for some program. */
export function* findBeginLines(
  text: Bytes,
  kinds: ReadonlySet<EmbeddedKind>,
  work: Work,
): Steps<BeginLines> {
  const search = new LineByLine(kinds)
  for (const chunk of text.chunks()) {
    for (let at = 0; at < chunk.length; ) {
      const piece = nextLines(chunk, at, LINES_PIECE)
      at += piece.length
      search.push(piece)
      yield* work.countUnits(search.takeUnits())
    }
  }
  search.end()
  yield* work.countUnits(search.takeUnits())
  const isCut = [...search.found.values()].some(({ length }) => length > BEGIN_LINES_MAX)
  return { found: search.found, isCut }
}

/** The search in pieces of any size. */
class LineByLine {
  readonly found: BeginLines['found']
  /** The first line of each kind by which fields announce data, above the line after which the data begins. */
  readonly #announced = new Map<EmbeddedKind, Omit<BeginLine, 'from'>>()
  readonly #lines = new LineBlocks((block, midLine) => this.#take(block, midLine))
  /** The last bytes of the block before, and the offset of its end in the text. */
  #tail = NO_BYTES
  #offset = 0
  /** Memory for a block with the last bytes of the one before. */
  #joined = NO_BYTES
  #units = 0

  constructor(kinds: ReadonlySet<EmbeddedKind>) {
    this.found = new Map(Array.from(kinds, (kind) => [kind, []]))
  }

  push(piece: Buffer): void {
    this.#lines.push(piece)
  }

  end(): void {
    this.#lines.end()
    this.#beginAnnounced(Number.POSITIVE_INFINITY) // nowhere
  }

  /** Returns the units of work since the last call. */
  takeUnits(): number {
    const units = this.#units
    this.#units = 0
    return units
  }

  #take(block: Buffer, midLine: boolean): void {
    const bytes = midLine ? this.#withTail(block) : block
    const offset = this.#offset - (bytes.length - block.length)
    const search = new BeginSearch(bytes, midLine)
    const lines = new LineSearch(bytes)
    this.#passFields(bytes, 0, offset)
    let from = 0
    for (let found = search.next(from); found; found = search.next(from)) {
      const to = lines.any(found.at)
      const before = this.#announced.size
      for (const start of found.starts) this.#note({ ...start, at: offset + found.at }, offset + to)
      if (this.#announced.size > before) this.#passFields(bytes, to, offset)
      if (found.starts[0]!.kind !== 'binhex') from = to
    }
    this.#units += search.units
    this.#offset += block.length
    // Only a long line goes on in the next block.
    this.#tail = block.at(-1) === LF ? NO_BYTES : Buffer.from(block.subarray(-SEAM))
  }

  #withTail(block: Buffer): Buffer {
    const length = this.#tail.length + block.length
    if (this.#joined.length < length) this.#joined = Buffer.allocUnsafe(2 * length)
    this.#tail.copy(this.#joined)
    block.copy(this.#joined, this.#tail.length)
    return this.#joined.subarray(0, length)
  }

  #note(line: Omit<BeginLine, 'from'>, to: number): void {
    const { kind, at } = line
    const known = this.found.get(kind)
    this.#units += BEGIN_COST
    if (known === undefined || known.length > BEGIN_LINES_MAX) return
    if (this.#announced.has(kind) || at < (known.at(-1)?.from ?? 0)) return
    const from = kind === 'binhex' ? at + BINHEX_WORD.length : to
    if (embeddedFormats[kind].isField) this.#announced.set(kind, line)
    else known.push({ ...line, from })
  }

  /** Passes the lines from an offset on, up to the blank one below fields that announce data. */
  #passFields(bytes: Buffer, from: number, offset: number): void {
    if (this.#announced.size === 0) return
    const lines = new LineSearch(bytes)
    for (let at = from; at < bytes.length && this.#announced.size > 0; ) {
      const to = lines.any(at)
      this.#units += LINE_COST + to - at
      if (isAllBlank(bytes, at, to)) this.#beginAnnounced(offset + to)
      at = to
    }
  }

  #beginAnnounced(from: number): void {
    for (const [kind, line] of this.#announced) this.found.get(kind)!.push({ ...line, from })
    this.#announced.clear()
  }
}
