import { SPACE, TAB } from '../../../ground/net/ascii.ts'
import type { Bytes } from '../../message/bytes.ts'
import { isLineEnd, LineSearch, withoutLineEnd } from '../shared/lines.ts'
import { LINES_PIECE, type Steps, type Work } from '../shared/work.ts'
import {
  type CodedKind,
  CodedSearch,
  type CodedStart,
  codedEnds,
  codedKinds,
  codedStart,
} from './coded-data.ts'
import { LineBlocks } from './line-blocks.ts'

/** Data in a text that some reader decodes as a file of its own. All places are offsets in the text. */
export interface CodedBlock {
  readonly kind: CodedKind
  readonly from: number
  readonly to: number
  /** The name of the file, '' if it has none. */
  readonly name: string
}

/** A line that begins data for some reader. */
interface CodedBeginning extends CodedStart {
  /** Where the line begins, and where the data does, after it. */
  readonly at: number
  readonly from: number
}

/** A line that ends data: where it begins, and where it ends. */
interface End {
  readonly at: number
  readonly to: number
  readonly isBehindBlanks: boolean
}

/** The steps of each line that begins data, besides those of its bytes. */
const BEGINNING_COST = 512

/**
 * Finds the blocks of data in a text, as readers take them: they follow one another, so that all of them
 * together are a few times as long as the text at most, however many lines begin data.
 *
 * Readers know different forms of the line that begins data: each the common one, and besides it any other
 * one, or all. Inside of a block some begin the next one at such a line. The others look for none before a
 * line that ends the block, and some of these go on behind that line. Of more than `most` blocks one more is
 * told.
 */
export function* findCodedBlocks(
  text: Bytes,
  work: Work,
  most: number,
): Steps<readonly CodedBlock[]> {
  const lines = new CodedLines()
  let count = 0
  for (const chunk of text.chunks()) {
    for (let at = 0; at < chunk.length; at += LINES_PIECE) {
      const piece = chunk.subarray(at, at + LINES_PIECE)
      lines.push(piece)
      yield* work.countUnits(piece.length + (lines.count - count) * BEGINNING_COST)
      count = lines.count
    }
  }
  lines.end()
  return lines.blocks(text.size, most)
}

/** The lines of a text that begin or end data. */
class CodedLines {
  readonly #beginnings: CodedBeginning[] = []
  readonly #ends: Record<CodedKind, End[]> = { uuencode: [], base64: [], yenc: [], armour: [] }
  readonly #lines = new LineBlocks((block, midLine) => this.#take(block, midLine))
  /** The offset of the block in the text. */
  #offset = 0

  /** The number of lines that begin data. */
  get count(): number {
    return this.#beginnings.length
  }

  push(piece: Buffer): void {
    this.#lines.push(piece)
  }

  end(): void {
    this.#lines.end()
  }

  #take(block: Buffer, midLine: boolean): void {
    const search = new CodedSearch(block, midLine)
    const lines = new LineSearch(block)
    for (let at = 0; at < block.length; ) {
      const to = lines.any(at)
      if (at > 0 || !midLine) this.#noteEnd(block, at, to)
      const found = search.next(at)
      if (found < to) this.#noteBeginning(block, found, to, found === at)
      at = to
    }
    this.#offset += block.length
  }

  #noteEnd(block: Buffer, from: number, to: number): void {
    const isBehindBlanks = block[from] === SPACE || block[from] === TAB
    for (const kind of codedEnds(block, from, withoutLineEnd(block, from, to))) {
      this.#ends[kind].push({ at: this.#offset + from, to: this.#offset + to, isBehindBlanks })
    }
  }

  #noteBeginning(block: Buffer, found: number, to: number, startsLine: boolean): void {
    const line = block.toString('latin1', found, withoutLineEnd(block, found, to))
    const start = codedStart(line, startsLine || isLineEnd(block[found - 1]!))
    if (!start) return
    this.#beginnings.push({ ...start, at: this.#offset + found, from: this.#offset + to })
  }

  /** The blocks that are not empty, each once, in a text of this size: `most` of them, and one more. */
  blocks(size: number, most: number): readonly CodedBlock[] {
    const found = new Map<string, CodedBlock>()
    for (const kind of codedKinds) {
      const all = this.#beginnings.filter((beginning) => beginning.kind === kind)
      for (const known of knownTogether(all)) {
        for (const { from, name, to } of blocksOf(known, this.#ends[kind], size)) {
          if (from < to) found.set(`${kind} ${from} ${to}`, { kind, from, to, name })
          if (found.size > most) return [...found.values()]
        }
      }
    }
    return [...found.values()]
  }
}

/** The beginnings of a kind that some reader knows together. */
function knownTogether(all: readonly CodedBeginning[]): readonly (readonly CodedBeginning[])[] {
  const forms = new Set(all.map(({ form }) => form))
  forms.delete('common')
  const known = ['common', ...forms].map((one) =>
    all.filter(({ form }) => form === 'common' || form === one),
  )
  const inLines = all.filter(({ form }) => form !== 'in a line')
  return [...known, inLines].filter((beginnings) => beginnings.length > 0)
}

/** The blocks as they are for readers that know these lines for the beginnings of data. */
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
  let over = 0 // where the block before ends for those who look for no beginning inside of it
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
