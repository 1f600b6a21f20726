import { limits } from '../budget/limits.ts'
import type { Encoding } from '../headers/encodings.ts'
import type { PartHeader } from '../headers/part-header.ts'
import type { Depth } from './depth.ts'

/** A part of a message, or the text between parts. Positions are offsets in the mail. */
export interface Leaf {
  readonly from: number
  readonly to: number
  readonly header: PartHeader
  readonly encodings: readonly Encoding[]
  readonly depth: Depth
  /**
   * Whether it is the text of the mail itself: the first of its type, and no disposition with plain text.
   * Some readers treat every other text, and the text of an attached message, as a file.
   */
  readonly isOwnText: boolean
  /** Whether it is the text of a multipart above its parts. */
  readonly isPreamble: boolean
  /**
   * Set if it was carved from a message of odd structure. `far`: its end or its encoding is a guess, so it is decoded in the
   * common way alone.
   */
  readonly carved?: 'near' | 'far'
}

export const TOO_MANY_PARTS = `more than ${limits.parts} parts`
