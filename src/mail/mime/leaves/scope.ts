import type { EmittedMail } from '../budget/work.ts'
import type { Declared } from '../containers/containers.ts'
import type { PartForm } from '../traits/part-forms.ts'
import type { PartNames } from '../traits/part-names.ts'

/** What holds for a position in a message, and for all that is found further inside. */
export interface Scope {
  /**
   * What a content is opened as. A `message` is one regardless of its first lines: by its type, its name, or in a
   * digest. A `text` begins like a mail among the lines of a header: the reading of the surrounding mail finds its
   * contents, however it is decoded. Whether a `file` is a message depends on its first lines.
   */
  readonly kind: 'message' | 'text' | 'file'
  /** What its header, or the line above it, declares it as. */
  readonly declared: Declared
  /** The form of a leaf part, if nothing in the structure of its mail is odd (plain-message.ts). */
  readonly form?: PartForm | undefined
  /** The attached mail whose parts have forms in it. */
  readonly around?: EmittedMail | undefined
  /** Its names, and the containers it was extracted from within its part. */
  readonly part: PartNames
  /** The number of messages around it (reader/depth.ts). */
  readonly messages: number
  /** The number of encoded messages and containers around it. */
  readonly depth: number
}
