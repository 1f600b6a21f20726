import {
  ATTACHED,
  alone,
  BASE64,
  base64,
  type Evasion,
  filePart,
  inPart,
  mail,
  marked,
  mixed,
  multipart,
  named,
  part,
  QUOTED,
  quotedPrintable,
  TEXT,
  ZIP_TYPE,
} from './compose.ts'
import { binaryFile, zip } from './files.ts'

/** Base64 with a line end and another sign among the characters: no run of it is a whole file. */
const hidden = base64(zip, 20).replace(/$/gm, ' ;')

/** A part whose encoding only these fields declare. */
function encoded(name: string, fields: readonly string[]): Evasion {
  return { name, text: () => inPart([ZIP_TYPE, ...fields], marked(zip)) }
}

/** The same as the only content of the mail. */
function encodedMail(name: string, fields: readonly string[]): Evasion {
  return { name, text: () => alone([ZIP_TYPE, ...fields], hidden) }
}

const value = (text: string) =>
  encoded(`an encoding written ${JSON.stringify(text)}`, [`Content-Transfer-Encoding:${text}`])

const both = (name: string, fields: readonly string[]) => [
  encoded(`${name}, in a part`, fields),
  encodedMail(`${name}, in the header of the mail`, fields),
]

/** A binary file in quoted-printable whose encoding only these fields declare. */
function quoted(text: string): Evasion {
  return {
    name: `quoted-printable written ${JSON.stringify(text)}`,
    text: () =>
      inPart(
        [ZIP_TYPE, `Content-Transfer-Encoding:${text}`],
        quotedPrintable(binaryFile).replace(/=\n/g, '=\n'),
      ),
  }
}

/** Ways to write an encoding of base64, and of quoted-printable. */
const inBase64 = [
  ...[' b', ' (c) base64', ' base64 (c)', ' base64 (c', ' (a (b) c) base64', ' (\\)) base64'],
  ...[' ba(c)se64', ' (quoted-printable) base64', ' "base64"', ' "base64', " 'base64'"],
  ...[' b\\ase64', ' =?us-ascii?q?base64?=', ' =?us-ascii?b?YmFzZTY0?=', ' base64; x=y'],
  ...[' base64;', ' base64, 7bit', ' base64 7bit', ' 7bit base64', ' base64.', ' x-base64'],
  ...[' BASE64', 'base64', '\n base64', '\n\tbase64', ' \n  \n base64', ' base64\n ', ' base64 \t'],
  ...['\tbase64', ' base\n 64', ' ;base64', ' base64\0', ' base64\x0b', ' \x0bbase64', ' base64\r'],
  ...['\u00a0base64', ' base64\u00a0', ' <base64>', ' base64:', ' base64base64'],
  ' bAsE64 encoding',
]
const inQuotedPrintable = [
  ' q',
  ' qp',
  ' (base64) quoted-printable',
  ' "quoted-printable"',
  ' quoted-printable (base64)',
  ' quoted-printable; base64',
]

export const fields: readonly Evasion[] = [
  ...inBase64.map(value),
  ...inQuotedPrintable.map(quoted),
  ...both('a comment that opens above the encoding and closes below it', [
    'X-A: (',
    BASE64,
    'X-B: )',
  ]),
  ...both('a quote that opens above the encoding and closes below it', [
    'X-A: "',
    BASE64,
    'X-B: "',
  ]),
  ...both('a comment that opens above the encoding and is never closed', ['X-A: (', BASE64]),
  ...both('brackets above the encoding and below it', ['X-A: <', BASE64, 'X-B: >']),
  ...both('a backslash at the end of the field above the encoding', ['X-A: \\', BASE64]),
  ...both('an encoded word that opens above the encoding and closes below it', [
    'X-A: =?us-ascii?q?',
    BASE64,
    'X-B: ?=',
  ]),
  ...both('a comma, an empty field and a tab above the encoding', ['X-A:', 'X-B: ,\t', BASE64]),
  encoded('an encoding field in other letters', ['CONTENT-TRANSFER-ENCODING: base64']),
  encoded('an encoding field with a blank before its colon', [
    'Content-Transfer-Encoding : base64',
  ]),
  encoded('two encoding fields, 7bit first', ['Content-Transfer-Encoding: 7bit', BASE64]),
  encoded('two encoding fields, 7bit last', [BASE64, 'Content-Transfer-Encoding: 7bit']),
  encoded('two encoding fields, quoted-printable first', [QUOTED, BASE64]),
  encoded('two encoding fields, quoted-printable last', [BASE64, QUOTED]),
  ...named({
    'the encoding on the first line, above the other fields of the mail': () =>
      `${BASE64}\n${alone([ZIP_TYPE], hidden)}`,
    'the encoding field of a multipart that holds for its parts to some': () =>
      mail(`${BASE64}\n${multipart('mixed', [TEXT, part([ZIP_TYPE, BASE64], marked(zip))])}`),
    'a comment that opens above the type of a multipart and closes below it': () => {
      const field = 'X-A: (\nContent-Type: multipart/mixed; boundary=b1\nX-B: )'
      return mail(multipart('mixed', [TEXT, filePart(zip)], { field }))
    },
    'a comment with the boundary before the boundary': () =>
      mixed(part([ZIP_TYPE, BASE64], marked(zip)), {
        field: 'Content-Type: multipart/mixed (boundary=zz); boundary=b1',
      }),
    'a boundary behind a quoted string with a semicolon and a boundary': () =>
      mixed(part([ZIP_TYPE, BASE64], marked(zip)), {
        field: 'Content-Type: multipart/mixed; x="; boundary=zz\\"; y"; boundary=b1',
      }),
    'a Content-Type in an encoded word': () =>
      mixed(part([ZIP_TYPE, BASE64], marked(zip)), {
        field: 'Content-Type: =?us-ascii?q?multipart/mixed=3B_boundary=3Db1?=',
      }),
    'a line end in an encoded word whose encoding begins with b': () =>
      alone(
        [`X-A: =?x?b64?${Buffer.from(`a\n${BASE64}\nX-B: b`).toString('base64')}?=`, ZIP_TYPE],
        base64(zip),
      ),
    'a line end in an encoded word in an encoded word': () =>
      alone(
        [
          `X-A: =?x?q?=3D=3Fx=3Fb=3F${Buffer.from(`a\n${BASE64}\nX-B: b`).toString('base64').replaceAll('=', '=3D')}=3F=3D?=`,
          ZIP_TYPE,
        ],
        base64(zip),
      ),
    'an encoding of quoted-printable behind a line end in an encoded word': () =>
      alone(
        ['X-A: =?x?q?a=0AContent-Transfer-Encoding:_quoted-printable=0AX-B:?= b', ZIP_TYPE],
        quotedPrintable(zip),
      ),
    'file names in encoded words with line ends in them': () =>
      inPart(
        [
          `Content-Type: application/x-any; name="=?x?q?a=0A${'Content-Transfer-Encoding'}:_base64=0AX:?="`,
          ATTACHED,
        ],
        base64(zip),
      ),
  }),
]
