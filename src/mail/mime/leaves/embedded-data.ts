import { SPACE, TAB } from '../../../lib/bytes/ascii.ts'
import { LineBlocks, nextLines } from '../../../lib/bytes/line-blocks.ts'
import { firstNumber, LineSearch, withoutLineEnd } from '../../../lib/bytes/lines.ts'
import type { ByteRange, Bytes } from '../../message/bytes.ts'
import { LINES_PIECE, type Steps, type Work } from '../budget/work.ts'
import { type BeginLine, type BeginLines, findBeginLines } from './begin-lines.ts'
import { type EmbeddedKind, embeddedFormats, kindsInTexts } from './embedded-formats.ts'

/** Data in a text that some program decodes as a separate file. All positions are offsets in the text. */
interface Block {
  readonly kind: EmbeddedKind
  readonly from: number
  readonly to: number
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

/** The lines that end data of each kind, in their order. */
type EndLines = ReadonlyMap<EmbeddedKind, EndLine[]>

/** The units of work of each line, and of a block, in addition to those of bytes. */
const LINE_COST = 4
const BLOCK_COST = 16

/** The lines of a text at which data begins, and those that end it. */
export class EmbeddedData {
  readonly text: Bytes
  readonly #beginnings: BeginLines
  /** Found once they are needed. */
  #ends: EndLines | undefined

  /** Searches a text for data of these kinds. */
  static *of(text: Bytes, kinds: ReadonlySet<EmbeddedKind>, work: Work): Steps<EmbeddedData> {
    return new EmbeddedData(text, yield* findBeginLines(text, kinds, work))
  }

  private constructor(text: Bytes, beginnings: BeginLines) {
    this.text = text
    this.#beginnings = beginnings
  }

  /** Whether data begins at more lines than are kept. */
  get isCut(): boolean {
    return this.#beginnings.isCut
  }

  /** Whether data of these kinds begins in a range of the text, or may begin there. */
  beginsIn(range: TextRange, kinds: ReadonlySet<EmbeddedKind>): boolean {
    return this.isCut || [...kinds].some((kind) => this.#beginningsIn(range, kind).length > 0)
  }

  #beginningsIn({ from, to, bodyFrom = from }: TextRange, kind: EmbeddedKind): BeginLine[] {
    const all = this.#beginnings.found.get(kind) ?? []
    const first = firstNumber(all.length, (number) => all[number]!.from > from)
    const end = firstNumber(all.length, (number) => all[number]!.at >= to)
    return all
      .slice(first, end)
      .filter(({ at, spelling }) => spelling !== 'in a line' || at >= bodyFrom)
  }

  /**
   * Returns the non-empty blocks of data of these kinds in a range of the text, each once, as readers find
   * them: at most `most` of them, and one more. Consecutive blocks do not overlap for a reader, so that all
   * of them together are at most a few times as long as the range, however many lines begin data.
   *
   * Readers know different spellings of the line that begins data: each knows the common one, and in addition any
   * other one, or all. Inside a block some readers begin the next one at such a line. The others search for
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
      this.#ends ??= yield* endsIn(this.text, this.#beginnings.found, work)
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

/** Finds the lines that end data, from where the first data begins. */
function* endsIn(text: Bytes, beginnings: BeginLines['found'], work: Work): Steps<EndLines> {
  const ends: EndLines = new Map(Array.from(beginnings.keys(), (kind) => [kind, []]))
  const firsts = Array.from(beginnings.values(), ([first]) => first?.from ?? text.size)
  let offset = Math.min(text.size, ...firsts)
  let units = 0
  const note = (kind: EmbeddedKind, end: EndLine) => {
    const known = beginnings.get(kind) ?? []
    const begun = known[firstNumber(known.length, (number) => known[number]!.from > end.at) - 1]
    const endsOfKind = ends.get(kind)
    const last = endsOfKind?.at(-1)
    // Of the ends after a beginning, only the first matters to each reader.
    const isFirst = !last || last.at < begun!.from || (last.isBehindBlanks && !end.isBehindBlanks)
    if (begun && isFirst) endsOfKind!.push(end)
  }
  const blocks = new LineBlocks((block, midLine) => {
    const lines = new LineSearch(block)
    for (let at = midLine ? lines.any(0) : 0; at < block.length; ) {
      const to = lines.any(at)
      units += LINE_COST
      const isBehindBlanks = block[at] === SPACE || block[at] === TAB
      for (const kind of kindsEndingAt(block, at, withoutLineEnd(block, at, to)))
        note(kind, { at: offset + at, to: offset + to, isBehindBlanks })
      at = to
    }
    units += block.length
    offset += block.length
  })
  for (const chunk of text.chunks(offset)) {
    for (let at = 0; at < chunk.length; ) {
      const piece = nextLines(chunk, at, LINES_PIECE)
      at += piece.length
      units = 0
      blocks.push(piece)
      yield* work.countUnits(units)
    }
  }
  blocks.end()
  return ends
}

/** Yields the beginnings of a kind that some reader recognizes together. */
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
  const [{ kind, from, name }] = beginnings as [BeginLine]
  const { goesOn = false } = embeddedFormats[kind]
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
    if (beginsAnew) yield { from, name, to: goesOn ? behind : Math.min(behind, end?.at ?? size) }
    if (at < over || (isInLine && !end)) continue
    over = (goesOn ? end?.to : end?.at) ?? size
    yield { from, name, to: over }
  }
  if (goesOn && !isInLine) yield { from, name, to: size }
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
