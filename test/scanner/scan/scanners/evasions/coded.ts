import { binHex } from '../../../../mail/mime/decoders/binhex.ts'
import {
  ATTACHED,
  BASE64,
  base64,
  type Evasion,
  FILE_TYPE,
  mail,
  mixed,
  part,
  QUOTED,
  quotedPrintable,
  uuencode,
  uulines,
  yencode,
} from './compose.ts'
import { binaryFile, zip } from './files.ts'

const inText = (name: string, text: () => string, openedBy?: string): Evasion => ({
  name: `${name}, in a text`,
  text: () => mail(part(['Content-Type: text/plain'], text())),
  ...(openedBy && { openedBy }),
})

const inPart = (name: string, text: () => string, openedBy?: string): Evasion => ({
  name: `${name}, in an attached text`,
  text: () => mixed(part(['Content-Type: text/plain; name=a.txt', ATTACHED], text())),
  ...(openedBy && { openedBy }),
})

const both = (name: string, text: () => string, openedBy?: string) => [
  inText(name, text, openedBy),
  inPart(name, text, openedBy),
]

/** A part with fields, as it is in each kind of text. */
const fieldsInTexts = (
  name: string,
  fields: readonly string[],
  body = base64(zip),
  behind = '\n',
): Evasion[] => {
  const text = `${fields.map((field) => `${field}\n`).join('')}${behind}${body}\n`
  const plain = 'Content-Type: text/plain'
  const encoded = base64(Buffer.from(text, 'latin1'))
  return [
    inText(`${name}, behind another line`, () => `See:\n\n${text}`),
    inPart(`${name}, behind another line`, () => `See:\n\n${text}`),
    {
      name: `${name}, in a preamble`,
      text: () => mixed('Content-Type: text/plain\n\nx', { preamble: text }),
    },
    { name: `${name}, in a text in base64`, text: () => mail(part([plain, BASE64], encoded)) },
    { name: `${name}, in a part in base64`, text: () => mixed(part([plain, BASE64], encoded)) },
  ]
}

const THUNDERBIRD = 'Thunderbird'
const IS_SPACE = 'programs that go by isspace(3)'

export const coded: readonly Evasion[] = [
  ...both('yEnc', () => yencode(zip)),
  ...both('yEnc of a file that a digest knows', () => yencode(binaryFile)),
  ...both(
    'yEnc with CRs in it',
    () => yencode(binaryFile).replace(/^(?!=)(.{40})(.{40})/m, '$1\r$2\r'),
    THUNDERBIRD,
  ),
  ...both(
    'yEnc with NULs in it',
    () => yencode(binaryFile).replace(/^(?!=)(.{40})(.{40})/m, '$1\0$2\0'),
    THUNDERBIRD,
  ),
  ...both('BinHex', () => binHex('report.zip', zip), 'MIME::Parser'),
  ...both(
    'BinHex with text around it',
    () => `See:\n\n${binHex('report.bin', binaryFile)}\n:more\n`,
    'MIME::Parser',
  ),
  ...both(
    'BinHex that claims 30 MB',
    () => binHex('report.zip', zip, Buffer.alloc(0), [30_000_000, 0]),
    'MIME::Parser',
  ),
  // The words of MIME::Parser, which reads BinHex in no other part.
  ...Object.entries({
    binhex: binHex('report.zip', zip).replace(' with BinHex 4.0)\n', '\n'),
    binhex40: binHex('report.zip', zip).replace('4.0)', '4.0) see:'),
    'mac-binhex': binHex('report.zip', zip, Buffer.alloc(0), [0, 0]),
    'mac-binhex40': `(This file must be converted\nx\n${binHex('report.zip', zip)}`,
  }).map(([word, text]) => ({
    name: `BinHex that declares ${word}`,
    text: () =>
      mixed(
        part(
          [FILE_TYPE, ATTACHED, `Content-Transfer-Encoding: ${word}`],
          text.replace('\n\n:', '\n:'),
        ),
      ),
  })),
  ...both('uuencode with a NUL before each line', () =>
    [`begin 644 report.zip`, ...uulines(zip)].join('\n\0'),
  ),
  ...[400, 600, 3000].map((count) => ({
    name: `an attached mail in base64 below ${count} empty lines`,
    text: () =>
      mixed(
        part(
          ['Content-Type: application/octet-stream; name=a', BASE64],
          base64(
            Buffer.from(
              `${'\n'.repeat(count)}${mixed(part([FILE_TYPE, BASE64], base64(binaryFile)))}`,
            ),
          ),
        ),
      ),
  })),
  inText(
    'uuencode whose begin has a vertical tab',
    () => uuencode(zip, 'begin\v644\vreport.zip'),
    IS_SPACE,
  ),
  inText('uuencode whose begin is in mixed letters', () => uuencode(zip, 'bEgIn 644 report.zip')),
  inText(
    'uuencode whose begin stands behind a vertical tab',
    () => `x\v${uuencode(zip)}`,
    IS_SPACE,
  ),
  ...fieldsInTexts('fields and base64', [FILE_TYPE, BASE64]),
  ...fieldsInTexts('an encoding and base64', [BASE64]),
  ...fieldsInTexts('an encoding on a fold, and base64', ['Content-Transfer-Encoding:\n base64']),
  ...fieldsInTexts(
    'fields and base64 behind a line of a blank',
    [FILE_TYPE, BASE64],
    undefined,
    ' \n',
  ),
  ...fieldsInTexts('fields and quoted-printable', [FILE_TYPE, QUOTED], quotedPrintable(zip)),
  inText(
    'fields and quoted-printable with a comment, behind another line',
    () => `See:\n\n${FILE_TYPE}\n${QUOTED} (x)\n\n${quotedPrintable(zip)}\n`,
  ),
]
