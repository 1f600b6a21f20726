import type { GivenMail } from '../budget/work.ts'
import { containerKinds, type Declared, isDeclaredAs } from '../containers/containers.ts'
import { NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import { NAMELESS, type PartNames } from '../traits/part-names.ts'

/** What holds for a position in a message, and for all that is found further inside. */
export interface Scope {
  readonly header: PartHeader
  /**
   * What a content is opened as. A `message` is one regardless of its first lines: by its type, its name, or in a
   * digest. A `text` begins like a mail among the lines of a header: the reading of the surrounding mail finds its
   * contents, however it is decoded. Whether a `file` is a message depends on its first lines.
   */
  readonly kind: 'message' | 'text' | 'file'
  /** The container that its context declares it as. */
  readonly declared: Declared
  /** Whether the structure of the mail has no oddity, so that its parts have forms (part-forms.ts). */
  readonly hasForm: boolean
  /** The attached mail whose parts have forms in it. */
  readonly around?: GivenMail | undefined
  /** Its names, and the containers it was extracted from within its part. */
  readonly part: PartNames
  /** The number of messages around it (reader/depth.ts). */
  readonly messages: number
  /** The number of encoded messages and containers around it. */
  readonly depth: number
}

/** The scope of a message as a whole. */
export const MESSAGE: Scope = {
  header: NO_HEADER,
  kind: 'file',
  declared: 'none',
  hasForm: false,
  part: NAMELESS,
  messages: 0,
  depth: 0,
}

/** Returns the ways in which a content is opened in a scope: as a file, and as what it is declared as. */
export function waysIn(scope: Scope): readonly string[] {
  const declared = containerKinds.filter((container) => isDeclaredAs(container, scope))
  const containers = declared.map(({ kind }) => kind)
  return ['file', ...(scope.kind === 'message' ? ['message'] : []), ...containers]
}
