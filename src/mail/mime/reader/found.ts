import { LimitExceeded, limits } from '../budget/limits.ts'
import type { Encoding } from '../headers/encodings.ts'
import type { PartHeader } from '../headers/part-header.ts'
import type { Depth } from './depth.ts'

/**
 * Which programs see something: all of them; those that make the common choices, in a mail that others read otherwise; or
 * some, because a multipart or message around it is encoded, or the choices are others.
 */
export type SeenBy = 'all' | 'most' | 'some'

/**
 * A content as one reading sees it: the text of a part, or between parts. Positions are offsets in the mail.
 */
export interface Leaf {
  readonly from: number
  readonly to: number
  readonly header: PartHeader
  readonly encodings: readonly Encoding[]
  readonly depth: Depth
  /** Which programs see it. One reading finds `all` or `some` (inDispute). */
  readonly seenBy: SeenBy
  /**
   * Whether it is the text of the mail itself: the first of its type, and no disposition with plain text.
   * Some readers treat every other text, and the text of an attached message, as a file.
   */
  readonly isOwnText: boolean
  /** Whether it is the text of a multipart above its parts. */
  readonly isPreamble: boolean
  /** Whether it begins among the lines of a header, which continues for other readings. */
  readonly isInHeader: boolean
  /**
   * Set if it was carved from a mail of odd structure (carver/): it ends where some program may end it, or is longer, and
   * then it is decoded in the common way alone.
   */
  readonly carved?: 'near' | 'far'
}

/** Returns a leaf of a mail that programs read differently: some of them may see others in its place. */
export function inDispute(leaf: Leaf): Leaf {
  const seenBy = leaf.seenBy === 'all' ? 'most' : leaf.seenBy
  return { ...leaf, seenBy, isOwnText: false }
}

/** A header as one reading sees it. */
export interface SeenHeader {
  readonly seen: PartHeader
  readonly seenBy: SeenBy
}

/** A leaf, in what a reading knows when it ends. */
type EndedLeaf = Omit<Leaf, 'isOwnText'> & {
  /** Whether it is text between the parts of a multipart, which is part of the mail's own text. */
  readonly isBetween: boolean
}

export const TOO_MANY_PARTS = `more than ${limits.parts} parts`

/** The leaf parts and headers that a reading finds. */
export class FoundLeaves {
  #fresh: (Leaf | SeenHeader)[] = []
  #leaves = 0
  /** The types of the texts so far. */
  readonly #textTypes = new Set<string>()

  addHeader(header: SeenHeader): void {
    this.#fresh.push(header)
  }

  /** Adds a leaf, unless it is empty. Throws LimitExceeded if there are too many. */
  addLeaf(leaf: EndedLeaf): void {
    if (++this.#leaves > limits.parts) throw new LimitExceeded(TOO_MANY_PARTS)
    if (leaf.to <= leaf.from || leaf.encodings.length === 0) return
    const { from, to, header, encodings, depth, seenBy, isPreamble, isInHeader } = leaf
    const isOwn = this.#isOwnText(leaf)
    const isOwnText = leaf.isBetween || isOwn
    // Each property is named: a spread object takes more memory, and there may be 10,000.
    this.#fresh.push({
      from,
      to,
      header,
      encodings,
      depth,
      seenBy,
      isOwnText,
      isPreamble,
      isInHeader,
    })
  }

  #isOwnText({ header, depth, seenBy }: Omit<Leaf, 'isOwnText'>): boolean {
    const type = header.type === '' ? 'text/plain' : header.type
    const isFirst = !this.#textTypes.has(type)
    if (header.text !== 'file' || header.type === '') this.#textTypes.add(type)
    return header.text === 'shown' && isFirst && depth.messages === 0 && seenBy === 'all'
  }

  /** Returns what was found since the last call. */
  take(): readonly (Leaf | SeenHeader)[] {
    const fresh = this.#fresh
    this.#fresh = []
    return fresh
  }
}
