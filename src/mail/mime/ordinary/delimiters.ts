import { CR, DASH, LF } from '../../../base/bytes/ascii.ts'
import type { MailBytes } from '../../message/bytes.ts'
import { costs } from '../budget/costs.ts'
import type { Steps, Work } from '../budget/work.ts'
import type { Cut } from '../structure/cuts.ts'
import type { EndedBoundary, OrdinaryParts } from './ordinary-parts.ts'

/** A multipart of an ordinary message: its boundary, and where its body begins. */
export interface Multipart {
  readonly boundary: string
  readonly from: number
}

/** An exact delimiter. */
interface Delimiter {
  readonly at: number
  /** Where the line below it begins. */
  readonly to: number
  readonly closes: boolean
}

/** Returns the next exact delimiter of a range. */
export function* nextDelimiter(
  mail: MailBytes,
  boundary: string,
  { from, to }: { readonly from: number; readonly to: number },
  work: Work,
): Steps<Delimiter | undefined> {
  const dashes = `--${boundary}`
  let at = yield* work.indexOf(mail, [dashes], from, to)
  for (; at !== undefined; at = yield* work.indexOf(mail, [dashes], at + 1, to)) {
    const ended = at > 0 && mail[at - 1] !== LF ? undefined : endOf(mail, at + dashes.length, to)
    if (ended) return { at, ...ended }
  }
  return undefined
}

/** Returns how a delimiter ends behind its boundary: with dashes or not, and then with a line end or at the end of the range. */
function endOf(mail: MailBytes, from: number, to: number): Omit<Delimiter, 'at'> | undefined {
  const closes = from + 2 <= to && mail[from] === DASH && mail[from + 1] === DASH
  let end = closes ? from + 2 : from
  if (end < to && mail[end] === CR) end++
  if (end === to) return { to, closes }
  return mail[end] === LF ? { to: end + 1, closes } : undefined
}

/** Upper limit for the characters of a cut that are compared, from its dashes on. No boundary is longer. */
const LIKENESS_MAX = 300

/**
 * The boundaries in a message. A cut of the carver's is a delimiter to some program, and so may be a line that begins with one
 * dash. Each must be one that the grammar has found, or like none: then the carver would cut nowhere else.
 */
export class Boundaries {
  readonly #multiparts: readonly Multipart[]
  readonly #found: OrdinaryParts
  readonly #ended = new EndedBoundaries()
  /** The number of odd messages above the last cut. */
  #passed = 0

  /** `multiparts` are the message's own, without those of attached messages, and `found` is all that was found in it. */
  constructor(multiparts: readonly Multipart[], found: OrdinaryParts) {
    this.#multiparts = multiparts
    this.#found = found
    for (const ended of found.boundaries) this.#ended.add(ended)
  }

  /**
   * Returns whether some program may take a cut for a delimiter that it is not: for one that `goes on` behind the boundary,
   * or for a `similar` one. The cuts are compared in their order.
   */
  *compare(cut: Cut, work: Work): Steps<'goes on' | 'similar' | undefined> {
    // (A boundary may end in dashes.)
    const line = written(cut).slice(0, cut.front + LIKENESS_MAX)
    yield* work.countUnits(costs.line + line.length * this.#multiparts.length)
    const like = this.#multiparts
      .filter(({ boundary, from }) => from <= cut.at && isLike(line, boundary))
      .map(({ boundary }) => boundary)
    if (this.#found.delimitersAt.has(cut.at)) {
      // A delimiter of one multipart is none of another, unless a program finds the other's boundary in it.
      const others = like.filter((boundary) => !isDelimiter(line, boundary))
      return others.some((boundary) => holds(line, boundary)) ? 'similar' : undefined
    }
    if (like.some((boundary) => goesOn(line, boundary))) return 'goes on'
    return like.length > 0 || (yield* this.#isOfEnded(cut, work)) ? 'similar' : undefined
  }

  /** Whether a cut is like a delimiter of a multipart that has ended, and the carver will not find it in an odd message. */
  *#isOfEnded(cut: Cut, work: Work): Steps<boolean> {
    yield* work.countUnits(costs.line * this.#ended.lengths)
    return this.#ended.has(cut) && !this.#isInOdd(cut)
  }

  #isInOdd({ at }: Cut): boolean {
    const { odd } = this.#found
    while ((odd[this.#passed]?.to ?? Number.POSITIVE_INFINITY) <= at) this.#passed++
    return (odd[this.#passed]?.from ?? Number.POSITIVE_INFINITY) <= at
  }
}

/** Returns the line of a cut, with the dashes that close a multipart. */
function written({ text, closes }: Cut): string {
  return closes ? `${text}--` : text
}

function isDelimiter(line: string, boundary: string): boolean {
  return line === `--${boundary}` || line === `--${boundary}--`
}

/** Whether a line has all characters of a boundary in their order, in any letter case. */
function isLike(line: string, boundary: string): boolean {
  const letters = line.toLowerCase()
  let at = 0
  for (const character of boundary.toLowerCase()) {
    at = letters.indexOf(character, at) + 1
    if (at === 0) return false
  }
  return true
}

/** Whether a program may find a boundary in a delimiter of another: in any letter case, or without its comments. */
function holds(delimiter: string, boundary: string): boolean {
  return delimiter.includes('(') || delimiter.toLowerCase().includes(boundary.toLowerCase())
}

/** Whether a line begins with a delimiter and has more than blanks behind it. */
function goesOn(line: string, boundary: string): boolean {
  const delimiter = `--${boundary}`
  return line.startsWith(delimiter) && !/^(?:--)?\s*$/.test(line.slice(delimiter.length))
}

/**
 * The boundaries of the multiparts that have ended, by how they begin: some program (ripmime) finds their delimiters also
 * below the part or message that they are in.
 */
class EndedBoundaries {
  readonly #below = new Map<string, number>()
  readonly #lengths = new Set<number>()

  /** The number of comparisons of a cut. */
  get lengths(): number {
    return this.#lengths.size
  }

  add({ boundary, below }: EndedBoundary): void {
    const beginning = beginningOf(boundary) || compared(boundary)
    this.#below.set(beginning, Math.min(below, this.#below.get(beginning) ?? below))
    this.#lengths.add(beginning.length)
  }

  /** Whether a cut is below the end of one, and begins like its delimiter. */
  has(cut: Cut): boolean {
    const line = written(cut).slice(cut.front)
    const dashes = line.search(/[a-z0-9]|$/i)
    const offsets = [0, 1, 2, 3].filter((offset) => offset < dashes)
    const forms = [...offsets, dashes].map((offset) => compared(line.slice(offset)))
    return [...this.#lengths].some((length) =>
      forms.some((form) => (this.#below.get(form.slice(0, length)) ?? cut.at + 1) <= cut.at),
    )
  }
}

/** Upper limit for the characters of a boundary by which its delimiters are recognized. */
const BEGINNING_MAX = 16

const compared = (text: string): string => text.slice(0, BEGINNING_MAX).toLowerCase()

/**
 * Returns the characters that distinguish a boundary, without what may be between it and the dashes: nothing if it has no
 * letters and digits.
 */
const beginningOf = (text: string): string => compared(text.replace(/^[^a-z0-9]+/i, ''))
