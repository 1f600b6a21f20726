import { base64 } from './base64.ts'
import type { Evasion } from './compose.ts'
import { fields } from './fields.ts'
import { flowed } from './flowed.ts'
import { limits } from './limits.ts'
import { nested } from './nested.ts'
import { quotedPrintable } from './quoted-printable.ts'
import { structure } from './structure.ts'
import { types } from './types.ts'
import { uuencode } from './uuencode.ts'
import { wholeFiles } from './whole-files.ts'

/**
 * Mails that carry a file which some reader opens, each in a way that a reading of mail for
 * scanners may miss. By what they play with.
 */
export const evasions: Readonly<Record<string, readonly Evasion[]>> = {
  structure,
  types,
  fields,
  base64,
  'quoted-printable': quotedPrintable,
  uuencode,
  'whole files': wholeFiles,
  'format=flowed': flowed,
  'mails within': nested,
  limits,
}
