import { SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { LineBlocks } from '../../../lib/bytes/line-blocks.ts'
import { firstNumber, isAllBlank, LineSearch, withoutLineEnd } from '../../../lib/bytes/lines.ts'
import type { ByteRange, Bytes } from '../../message/bytes.ts'
import { limits } from '../budget/limits.ts'
import { LINES_PIECE, type Steps, type Work } from '../budget/work.ts'
import { BINHEX_MARK } from '../decoders/binhex.ts'
import {
  type CodedKind,
  CodedSearch,
  type CodedStart,
  codedEnds,
  fieldKinds,
  SEARCH_STRIDE,
} from './coded-data.ts'

/** Data in a text that some reader decodes as a separate file. All positions are offsets in the text. */
interface CodedBlock {
  readonly kind: CodedKind
  readonly from: number
  readonly to: number
  /** The name of the file, '' if it has none. */
  readonly name: string
}

/** A range of a text that is searched for data. */
export interface CodedRange extends ByteRange {
  /**
   * The end of the fields above a text; the start of the range by default. In the fields only a whole line
   * begins data.
   */
  readonly bodyFrom?: number
}

/** A line that begins data for some reader. */
interface CodedBeginning extends CodedStart {
  /** The offsets at which the line, and the data after it, begin: Infinity if a field announces data that never comes. */
  readonly at: number
  readonly from: number
}

/** A line that ends data: where it begins, and where it ends. */
interface End {
  readonly at: number
  readonly to: number
  readonly isBehindBlanks: boolean
}

/** The units of work of each line, of one that begins data, and of a block, in addition to those of bytes. */
const LINE_COST = 4
const BEGINNING_COST = 512
const BLOCK_COST = 16

/**
 * Upper limit for the lines that begin data of a kind: far more than the decoded blocks, and than the fields of parts,
 * and few enough to be kept.
 */
const BEGINNINGS_MAX = 8 * limits.blocks + limits.parts

/**
 * The bytes of a line that are examined again with its next piece, if it is too long to be examined together: more
 * than a word that begins data in the middle of a line.
 */
const SEAM = 64

/** Searches a text for the lines at which data of these kinds begins for some reader. */
export function* findCodedLines(
  text: Bytes,
  kinds: ReadonlySet<CodedKind>,
  work: Work,
): Steps<CodedLines> {
  const search = new BeginningSearch(kinds)
  for (const chunk of text.chunks()) {
    for (let at = 0; at < chunk.length; at += LINES_PIECE) {
      search.push(chunk.subarray(at, at + LINES_PIECE))
      yield* work.countUnits(search.takeUnits())
    }
  }
  search.end()
  yield* work.countUnits(search.takeUnits())
  return new CodedLines(text, search.beginnings)
}

/** The lines of a text at which data begins, in pieces of any size. */
class BeginningSearch {
  readonly #kinds: ReadonlySet<CodedKind>
  readonly beginnings = ofEachKind<CodedBeginning>()
  /** The first line of each kind by which fields announce data, above the line after which the data begins. */
  readonly #announced = new Map<CodedKind, Omit<CodedBeginning, 'from'>>()
  readonly #lines = new LineBlocks((block, midLine) => this.#take(block, midLine))
  /** The last bytes of the block before, and the offset of its end in the text. */
  #tail: Buffer = Buffer.alloc(0)
  #offset = 0
  /** Memory for a block with the last bytes of the one before. */
  #joined: Buffer = Buffer.alloc(0)
  #units = 0

  constructor(kinds: ReadonlySet<CodedKind>) {
    this.#kinds = kinds
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
    const search = new CodedSearch(bytes, midLine)
    const lines = new LineSearch(bytes)
    this.#passFields(bytes, 0, offset)
    let from = 0
    for (let found = search.next(from); found; found = search.next(from)) {
      const to = lines.any(found.at)
      const before = this.#announced.size
      this.#note({ ...found, at: offset + found.at }, offset + to)
      if (this.#announced.size > before) this.#passFields(bytes, to, offset)
      if (found.kind !== 'binhex') from = to
    }
    this.#units += bytes.length / SEARCH_STRIDE + search.units
    this.#offset += block.length
    this.#tail = Buffer.from(block.subarray(-SEAM))
  }

  #withTail(block: Buffer): Buffer {
    const length = this.#tail.length + block.length
    if (this.#joined.length < length) this.#joined = Buffer.allocUnsafe(2 * length)
    this.#tail.copy(this.#joined)
    block.copy(this.#joined, this.#tail.length)
    return this.#joined.subarray(0, length)
  }

  #note(line: Omit<CodedBeginning, 'from'>, to: number): void {
    const { kind, at } = line
    const known = this.beginnings[kind]
    this.#units += BEGINNING_COST
    if (!this.#kinds.has(kind) || known.length > BEGINNINGS_MAX) return
    if (this.#announced.has(kind) || at < (known.at(-1)?.from ?? 0)) return
    const from = kind === 'binhex' ? at + BINHEX_MARK.length : to
    if (!fieldKinds.includes(kind)) known.push({ ...line, from })
    else this.#announced.set(kind, line)
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
    for (const [kind, line] of this.#announced) this.beginnings[kind].push({ ...line, from })
    this.#announced.clear()
  }
}

/** The lines of a text at which data begins, and those that end it. */
export class CodedLines {
  readonly #text: Bytes
  readonly #beginnings: OfEachKind<CodedBeginning>
  /** Found once they are needed. */
  #ends: OfEachKind<End> | undefined

  constructor(text: Bytes, beginnings: OfEachKind<CodedBeginning>) {
    this.#text = text
    this.#beginnings = beginnings
  }

  /** Whether data begins at more lines than are kept. */
  get isCut(): boolean {
    return Object.values(this.#beginnings).some(({ length }) => length > BEGINNINGS_MAX)
  }

  /** Whether data of these kinds begins in a range of the text, or may begin there. */
  anyIn(range: CodedRange, kinds: ReadonlySet<CodedKind>): boolean {
    return this.isCut || [...kinds].some((kind) => this.#beginningsIn(range, kind).length > 0)
  }

  #beginningsIn({ from, to, bodyFrom = from }: CodedRange, kind: CodedKind): CodedBeginning[] {
    const all = this.#beginnings[kind]
    if (all.length === 0) return all
    const first = firstNumber(all.length, (number) => all[number]!.from > from)
    const end = firstNumber(all.length, (number) => all[number]!.at >= to)
    return all.slice(first, end).filter(({ at, form }) => form !== 'in a line' || at >= bodyFrom)
  }

  /**
   * Returns the non-empty blocks of data of these kinds in a range of the text, each once, as readers find
   * them: at most `most` of them, and one more. Consecutive blocks do not overlap for a reader, so that all
   * of them together are at most a few times as long as the range, however many lines begin data.
   *
   * Readers know different forms of the line that begins data: each knows the common one, and in addition any
   * other one, or all. Inside a block some readers begin the next one at such a line. The others search for
   * none before a line that ends the block, and some of these continue after that line.
   */
  *blocks(
    range: CodedRange,
    kinds: ReadonlySet<CodedKind>,
    most: number,
    work: Work,
  ): Steps<readonly CodedBlock[]> {
    const found = new Map<string, CodedBlock>()
    for (const kind of kinds) {
      const all = this.#beginningsIn(range, kind).filter(({ from }) => Number.isFinite(from))
      if (all.length === 0) continue
      this.#ends ??= yield* endsIn(this.#text, this.#beginnings, work)
      const allEnds = this.#ends[kind]
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

/** Finds the lines that end data, from where the first data begins. */
function* endsIn(
  text: Bytes,
  beginnings: OfEachKind<CodedBeginning>,
  work: Work,
): Steps<OfEachKind<End>> {
  const ends = ofEachKind<End>()
  let offset = Math.min(...Object.values(beginnings).map(([first]) => first?.from ?? text.size))
  let units = 0
  const note = (kind: CodedKind, end: End) => {
    const known = beginnings[kind]
    const begun = known[firstNumber(known.length, (number) => known[number]!.from > end.at) - 1]
    const last = ends[kind].at(-1)
    // Of the ends after a beginning, only the first matters to each reader.
    const isFirst = !last || last.at < begun!.from || (last.isBehindBlanks && !end.isBehindBlanks)
    if (begun && isFirst) ends[kind].push(end)
  }
  const blocks = new LineBlocks((block, midLine) => {
    const lines = new LineSearch(block)
    for (let at = midLine ? lines.any(0) : 0; at < block.length; ) {
      const to = lines.any(at)
      units += LINE_COST
      const isBehindBlanks = block[at] === SPACE || block[at] === TAB
      for (const kind of codedEnds(block, at, withoutLineEnd(block, at, to)))
        note(kind, { at: offset + at, to: offset + to, isBehindBlanks })
      at = to
    }
    units += block.length
    offset += block.length
  })
  for (const chunk of text.chunks(offset)) {
    for (let at = 0; at < chunk.length; at += LINES_PIECE) {
      units = 0
      blocks.push(chunk.subarray(at, at + LINES_PIECE))
      yield* work.countUnits(units)
    }
  }
  blocks.end()
  return ends
}

type OfEachKind<Line> = Readonly<Record<CodedKind, Line[]>>

function ofEachKind<Line>(): OfEachKind<Line> {
  return {
    uuencode: [],
    base64: [],
    yenc: [],
    armour: [],
    binhex: [],
    'mime-base64': [],
    'mime-quoted-printable': [],
  }
}

/** Yields the beginnings of a kind that some reader recognizes together. */
function* knownTogether(all: readonly CodedBeginning[]): Generator<readonly CodedBeginning[]> {
  const forms = new Set(all.map(({ form }) => form))
  forms.delete('common')
  const known = ['common', ...forms].map(
    (one) => (form: string) => form === 'common' || form === one,
  )
  for (const isKnown of [...known, (form: string) => form !== 'in a line']) {
    const beginnings = all.filter(({ form }) => isKnown(form))
    if (beginnings.length > 0) yield beginnings
  }
}

/** Yields the blocks, up to `size`, for readers that recognize these lines as the beginnings of data. */
function* blocksOf(
  beginnings: readonly CodedBeginning[],
  ends: readonly End[],
  size: number,
): Generator<{ readonly from: number; readonly to: number; readonly name: string }> {
  const [{ kind, from, name }] = beginnings as [CodedBeginning]
  const forms = new Set(beginnings.map(({ form }) => form))
  const isInLine = forms.has('in a line')
  const beginsAnew = !isInLine && !forms.has('no mode')
  const ending = forms.has('behind blanks') ? ends : ends.filter((end) => !end.isBehindBlanks)
  let next = 0 // of the ends
  let over = 0 // the end of the previous block for readers that search for no beginning inside it
  for (const [index, { at, from, name }] of beginnings.entries()) {
    while (next < ending.length && ending[next]!.at < from) next++
    const end = ending[next]
    const behind = beginnings[index + 1]?.at ?? size
    if (beginsAnew) {
      yield { from, name, to: kind === 'uuencode' ? behind : Math.min(behind, end?.at ?? size) }
    }
    if (at < over || (isInLine && !end)) continue
    over = (kind === 'uuencode' ? end?.to : end?.at) ?? size
    yield { from, name, to: over }
  }
  if (kind === 'uuencode' && !isInLine) yield { from, name, to: size }
}
