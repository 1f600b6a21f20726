import { base64 } from './base64.ts'
import { charsets } from './charsets.ts'
import { coded } from './coded.ts'
import { type Evasion, FILE_TYPE, FORM_DATA, ZIP_TYPE } from './compose.ts'
import { containers } from './containers.ts'
import { fields } from './fields.ts'
import { flowed } from './flowed.ts'
import { left } from './left.ts'
import { limits } from './limits.ts'
import { nested } from './nested.ts'
import { quotedPrintable } from './quoted-printable.ts'
import { structure } from './structure.ts'
import { types } from './types.ts'
import { uuencode } from './uuencode.ts'
import { wholeFiles } from './whole-files.ts'

/** The same with the file where only the reading of onescan itself finds it. */
function asFormData(list: readonly Evasion[]): Evasion[] {
  return list
    .filter(({ text }) => text().includes(ZIP_TYPE) || text().includes(FILE_TYPE))
    .map(({ text, ...evasion }) => ({
      ...evasion,
      name: `${evasion.name}; as form-data`,
      text: () =>
        text()
          .replaceAll(ZIP_TYPE, FORM_DATA.join('\n'))
          .replaceAll(FILE_TYPE, FORM_DATA.join('\n')),
    }))
}

/**
 * Messages that carry a file which some reader opens, each in a way that a reading of mail for
 * scanners may miss. By what they play with.
 */
export const evasions: Readonly<Record<string, readonly Evasion[]>> = {
  structure,
  types,
  fields,
  'fields as form-data': asFormData(fields),
  base64,
  'base64 as form-data': asFormData(base64),
  'quoted-printable': quotedPrintable,
  'quoted-printable as form-data': asFormData(quotedPrintable),
  uuencode,
  'encodings in text': coded,
  charsets,
  containers,
  'whole files': wholeFiles,
  'format=flowed': flowed,
  'mails within': nested,
  'left to the whole': left,
  limits,
  'limits as form-data': asFormData(limits),
}
