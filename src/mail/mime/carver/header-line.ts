import { SPACE, TAB } from '../../../base/bytes/ascii.ts'
import { isBlankLine, isField } from '../headers/header-lines.ts'

/**
 * What a line of a header is, if it is not the mbox line on top:
 *
 * | kind       | the line                                         |
 * | ---------- | ------------------------------------------------ |
 * | `empty`    | nothing but its end                              |
 * | `blank`    | blanks and control characters                    |
 * | `fold`     | begins with a blank                              |
 * | `field`    | a name and a colon                               |
 * | `strange`  | any other, and what looks like a fold of such    |
 */
type HeaderLineKind = 'empty' | 'blank' | 'fold' | 'field' | 'strange'

/** Returns the kind of a line whose text ends at `end`. `isBelowStrange` means that the line above is not a field. */
export function kindOfLine(bytes: Buffer, end: number, isBelowStrange: boolean): HeaderLineKind {
  if (end === 0) return 'empty'
  if (isBlankLine(bytes, 0, end)) return 'blank'
  if (bytes[0] === SPACE || bytes[0] === TAB) return isBelowStrange ? 'strange' : 'fold'
  return isField(bytes, 0, end) ? 'field' : 'strange'
}
