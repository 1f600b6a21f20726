import type { ByteRange } from '../../message/bytes.ts'
import type { PartHeader } from '../headers/part-header.ts'
import type { Oddity } from '../reports/oddities.ts'
import type { Depth, Leaf } from '../structure/leaf.ts'

/** A message of odd structure: the whole mail, or one between two delimiters of an ordinary multipart. */
interface OddMessage extends ByteRange, Odd {
  readonly depth: Depth
}

/** Why programs may read the structure of a message in several ways. */
export interface Odd {
  readonly reason: string
  /** The word for that in the log and STRICTMIME, if there is one. */
  readonly oddity?: Oddity | undefined
}

/** A boundary, and where the part or message ends that its multipart is in. */
export interface EndedBoundary {
  readonly boundary: string
  readonly below: number
}

/** What all programs read alike in a message and in those attached to it, and the odd messages that are left. */
export class OrdinaryParts {
  /** All leaf parts, and the texts between parts, in their order; a message comes before what is in it. */
  readonly leaves: Leaf[] = []
  /** All headers, in their order. */
  readonly headers: PartHeader[] = []
  /** The odd messages: nothing else of the mail depends on what is in them. */
  readonly odd: OddMessage[] = []
  /** The number of attached messages. */
  attached = 0
  /** Where the delimiters of all multiparts are. */
  readonly delimitersAt = new Set<number>()
  /** The boundaries of all multiparts, and how those begin that odd messages declare. */
  readonly boundaries: EndedBoundary[] = []

  /** Adds all that is in an attached message. */
  add(parts: OrdinaryParts): void {
    for (const leaf of parts.leaves) this.leaves.push(leaf)
    for (const header of parts.headers) this.headers.push(header)
    for (const range of parts.odd) this.odd.push(range)
    for (const at of parts.delimitersAt) this.delimitersAt.add(at)
    for (const boundary of parts.boundaries) this.boundaries.push(boundary)
    this.attached += parts.attached
  }
}
