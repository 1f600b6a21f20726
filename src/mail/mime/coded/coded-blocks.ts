import { SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import type { ByteRange, Bytes } from '../../message/bytes.ts'
import { limits } from '../budget/limits.ts'
import { LINES_PIECE, type Steps, type Work } from '../budget/work.ts'
import { LineBlocks } from '../lines/line-blocks.ts'
import { firstNumber, isAllBlank, isLineEnd, LineSearch, withoutLineEnd } from '../lines/lines.ts'
import {
  type CodedKind,
  CodedSearch,
  type CodedStart,
  codedEnds,
  codedStart,
  fieldKinds,
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
  /** The offsets at which the line, and the data after it, begin. */
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

/** Upper limit for the lines that begin data: far more than the decoded blocks, and few enough to be kept. */
const BEGINNINGS_MAX = 8 * limits.blocks

/** Finds the lines of a text at which data of these kinds begins or ends for some reader. */
export function* findCodedLines(
  text: Bytes,
  kinds: ReadonlySet<CodedKind>,
  work: Work,
): Steps<CodedLines> {
  const lines = new CodedLines(kinds)
  for (const chunk of text.chunks()) {
    for (let at = 0; at < chunk.length; at += LINES_PIECE) {
      const before = lines.units
      lines.push(chunk.subarray(at, at + LINES_PIECE))
      yield* work.countUnits(lines.units - before)
    }
  }
  lines.end()
  return lines
}

/** The lines of a text that begin or end data of these kinds. */
export class CodedLines {
  readonly #kinds: ReadonlySet<CodedKind>
  readonly #beginnings: Record<CodedKind, CodedBeginning[]> = ofEachKind()
  readonly #ends: Record<CodedKind, End[]> = ofEachKind()
  /**
   * The first line of each kind by which fields announce data, above the line after which the data begins.
   */
  readonly #announced = new Map<CodedKind, Omit<CodedBeginning, 'from'>>()
  readonly #lines = new LineBlocks((block, midLine) => this.#take(block, midLine))
  /** The offset of the block in the text. */
  #offset = 0

  /** The units of work so far. */
  units = 0
  /** The lines that begin data so far. */
  #count = 0

  /** Whether more lines begin data than are kept. */
  get isCut(): boolean {
    return this.#count > BEGINNINGS_MAX
  }

  constructor(kinds: ReadonlySet<CodedKind>) {
    this.#kinds = kinds
  }

  push(piece: Buffer): void {
    this.#lines.push(piece)
  }

  end(): void {
    this.#lines.end()
  }

  #take(block: Buffer, midLine: boolean): void {
    const search = new CodedSearch(block, { midLine, kinds: this.#kinds })
    const lines = new LineSearch(block)
    for (let at = 0; at < block.length; ) {
      const to = lines.any(at)
      this.units += LINE_COST
      if (at > 0 || !midLine) this.#noteEnd(block, at, to)
      if (this.#announced.size > 0 && isAllBlank(block, at, to)) this.#beginAnnounced(to)
      const found = search.next(at)
      if (found < to) this.#noteBeginning(block, found, to, found === at)
      at = to
    }
    this.units += block.length + search.units
    this.#offset += block.length
  }

  #noteEnd(block: Buffer, from: number, to: number): void {
    const isBehindBlanks = block[from] === SPACE || block[from] === TAB
    for (const kind of codedEnds(block, from, withoutLineEnd(block, from, to))) {
      const begun = this.#beginnings[kind].at(-1)
      const last = this.#ends[kind].at(-1)
      // Of the ends after a beginning, only the first matters to each reader.
      const isFirst = !last || last.at < begun!.from || (last.isBehindBlanks && !isBehindBlanks)
      if (!begun || !isFirst) continue
      this.#ends[kind].push({ at: this.#offset + from, to: this.#offset + to, isBehindBlanks })
    }
  }

  #beginAnnounced(to: number): void {
    for (const [kind, line] of this.#announced) {
      this.#beginnings[kind].push({ ...line, from: this.#offset + to })
    }
    this.#announced.clear()
  }

  #noteBeginning(block: Buffer, found: number, to: number, startsLine: boolean): void {
    const text = block.toString('latin1', found, withoutLineEnd(block, found, to))
    const start = codedStart(text, startsLine || isLineEnd(block[found - 1]!))
    if (!start) return
    this.units += BEGINNING_COST
    if (++this.#count > BEGINNINGS_MAX) return
    const line = { ...start, at: this.#offset + found }
    if (!fieldKinds.includes(start.kind)) {
      this.#beginnings[start.kind].push({ ...line, from: this.#offset + to })
    } else if (!this.#announced.has(start.kind)) this.#announced.set(start.kind, line)
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
      const beginnings = this.#beginnings[kind]
      const all = beginnings
        .slice(
          firstNumber(beginnings.length, (number) => beginnings[number]!.from > range.from),
          firstNumber(beginnings.length, (number) => beginnings[number]!.at >= range.to),
        )
        .filter(({ at, form }) => form !== 'in a line' || at >= (range.bodyFrom ?? range.from))
      if (all.length === 0) continue
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

const ofEachKind = () => ({
  uuencode: [],
  base64: [],
  yenc: [],
  armour: [],
  'mime-base64': [],
  'mime-quoted-printable': [],
})

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
