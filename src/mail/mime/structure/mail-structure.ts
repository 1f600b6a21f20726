import type { ByteRange } from '../../message/bytes.ts'
import type { PartHeader } from '../headers/part-header.ts'
import type { Oddity } from '../reports/oddities.ts'
import type { Leaf } from './leaf.ts'

/** Where the contents of a mail are, or of a message in it. All positions are offsets in the mail. */
export interface MailStructure {
  readonly leaves: readonly Leaf[]
  /** The ranges in whose texts data may be encoded. */
  readonly texts: readonly ByteRange[]
  readonly headers: readonly PartHeader[]
  /** The number of attached messages that were found. */
  readonly attached: number
  /** The oddity for the log and STRICTMIME. */
  readonly oddities: readonly Oddity[]
}
