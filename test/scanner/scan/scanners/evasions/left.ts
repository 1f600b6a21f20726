import {
  alone,
  BASE64,
  base64,
  delimited,
  type Evasion,
  FILE_TYPE,
  filePart,
  inParts,
  latin1,
  type MultipartOptions,
  mail,
  multipart,
  named,
  part,
  QUOTED,
} from './compose.ts'
import { onesFile, testFile } from './files.ts'

/**
 * Messages of which all readers open the file, and libclamav alone does not find it in the message.
 */

const file = filePart(testFile, [FILE_TYPE, BASE64])
/** If libclamav finds no multipart, it decodes what is below the first encoding. */
const text = part(['Content-Type: text/html; charset=utf-8', QUOTED], '<p>hello =3D there</p>')
const inner = multipart('alternative', [text, file], { boundary: 'in' })
const mixed = (other: string, options?: MultipartOptions) =>
  mail(multipart('mixed', [text, other], options))

/** A multipart whose first parts a field above its type hides. */
const below = (field: string) => mixed(`${field}\n${inner}`)

/** A multipart with this boundary, and with it in its delimiters. */
function delimitedBy(boundary: string, written = boundary): string {
  const field = `Content-Type: multipart/mixed; boundary="${boundary}"`
  return mail(multipart('mixed', [text, file], { boundary: written, field }))
}

/** The file below a text that ends with this line, and below a preamble of it. */
function belowLine(line: string, name = line): Evasion[] {
  const plain = part(['Content-Type: text/plain'], `hello\n${line}`)
  return [
    {
      name: `${name} at the end of a text`,
      text: () => inParts(plain, file),
    },
    {
      name: `${name} above the first delimiter`,
      text: () => mail(multipart('mixed', [text, file], { preamble: `${line}\n` })),
    },
  ]
}

/** The test file in HTML, with these fields, and these lines below it. */
const page = (fields: readonly string[], lines = '') =>
  mixed(
    part(
      ['Content-Type: text/html; charset=utf-8', ...fields],
      `<p>\n${latin1(testFile)}\n</p>\n${lines}`,
    ),
  )

/** A file whose base64 begins with a word that begins fields, and whose first line has most of the test file. */
const fieldAlike = Buffer.concat([Buffer.from('ContentA', 'base64'), testFile])

/** Base64 in which the bits that the padding leaves out are set. */
const overfull = (bytes: Buffer) =>
  base64(bytes).replace(/(.)(=+)$/, (_, last: string, padding: string) => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    return `${alphabet[alphabet.indexOf(last) + 1]}${padding}`
  })

export const left: readonly Evasion[] = [
  ...named({
    'a field that ends in a semicolon, above a type': () => below('X-Foo: bar;'),
    'a field that ends in a semicolon and blanks, above a type': () => below('X-Foo: bar; \t '),
    'a field whose fold ends in a semicolon, above a type': () => below('X-Foo: a\n b;'),
    'a description that ends in a semicolon, above a type': () =>
      below('Content-Description: a text;'),
    'a field that ends in a semicolon, above an encoding': () =>
      mixed(part([FILE_TYPE, 'X-Foo: bar;', `${BASE64}`, 'X-Bar: a=b'], base64(testFile))),
    'a field name with a comment in it': () => page([QUOTED, 'Content-(x)Disposition: form-data']),
    '*0= in a boundary': () => delimitedBy('----=_Part*0=1'),
    '*= in a boundary': () => delimitedBy('----=_Part*=1'),
    '*0*= in a boundary': () => delimitedBy('----=_Part*0*=1'),
    'an encoded word in a boundary': () => delimitedBy('=?us-ascii?q?b1?='),
    'a quoted character in a boundary': () => delimitedBy(String.raw`b\-1`, 'b-1'),
    'a semicolon in a boundary': () => delimitedBy('b;1'),
    'a byte of eight bits in a boundary': () => delimitedBy('b\xbd1'),
    'a comment in a boundary': () => delimitedBy('b(x)1'),
    'another boundary in an encoded word': () =>
      mixed(file, {
        field:
          'Content-Type: multipart/mixed; charset="=?u?q?=3B=62oundary=3Dx=3B?="; boundary="b1"',
      }),
    'a parameter that begins like the boundary': () =>
      mixed(file, { field: 'Content-Type: multipart/mixed; boundaries=1; boundary="b1"' }),
    'a boundary among the parameters of a disposition': () =>
      mixed(file, {
        field:
          'Content-Disposition: inline; boundary=x\nContent-Type: multipart/mixed; boundary="b1"',
      }),
    'a quote in the name of a mail that is a file': () =>
      alone(
        [String.raw`Content-Type: application/x; name="a\"b"`, BASE64, 'X-A: b'],
        base64(testFile),
      ),
    'tabs behind delimiters': () =>
      mail(multipart('mixed', [text, file]).replaceAll(/^--b1(?:--)?$/gm, (line) => `${line}\t`)),
    'a header without an empty line, above the file': () =>
      mail(
        `Content-Type: multipart/mixed; boundary=b1\n\n--b1\nContent-Type: text/html\n${delimited([file])}`,
      ),
    'base64 that begins like a field': () => mixed(filePart(fieldAlike, [FILE_TYPE, BASE64])),
    'bits in what padding leaves out': () => mixed(part([FILE_TYPE, BASE64], overfull(onesFile))),
    'a word of base64 in the first line of a file, in a mail of files': () =>
      mixed(
        `Content-Type: application/x\n\nno base64\n--b1\n${part(
          ['Content-Type: text/html', QUOTED, 'Content-Disposition: inline'],
          latin1(testFile),
        )}`,
      ),
    'a line that begins yEnc, in a text of eight bits': () =>
      page(['Content-Transfer-Encoding: 8bit'], '=ybegin line=x\nabc'),
  }),
  ...['bEGIN 899 x', 'begin 899 x', 'beGin 000  ', 'begin 644 a b c'].flatMap((line) =>
    belowLine(line),
  ),
]
