import {
  alone,
  type Evasion,
  quotedPrintable as encode,
  FILE_TYPE,
  hex,
  inPart,
  latin1,
  named,
  QUOTED,
  quotedPrintableText,
} from './compose.ts'
import {
  binaryFile,
  equalsBeforeFile,
  equalsCrFile,
  equalsFile,
  openTextFile,
  testFile,
  textFile,
} from './files.ts'

function data(
  name: string,
  body: () => string,
  fields = [FILE_TYPE, QUOTED],
  openedBy?: string,
): Evasion {
  return { name, text: () => inPart(fields, body()), ...(openedBy && { openedBy }) }
}

/** The character of UTF-8 whose number is that of the byte and 0x100 more. */
function above(byte: number): string {
  return Buffer.from(String.fromCodePoint(0x100 + byte)).toString('latin1')
}

const escapes = (file: Buffer) => [...file].map((byte) => `=${hex(byte)}`)

/** The content of a part that declares quoted-printable. */
const ofFile: Readonly<Record<string, () => string>> = {
  'of characters above U+00FF, of which some take the low byte': () =>
    [...testFile].map(above).join(''),
  'with one character above U+00FF': () => {
    const text = escapes(testFile)
    text[3] = above(testFile[3]!)
    return text.join('')
  },
  'with two = before the digits': () =>
    escapes(testFile)
      .join('')
      .replace(/^(=..){5}/, '$&='),
  'with = before each escape': () => `=${escapes(testFile).join('=')}`,
  'with === before the digits': () => escapes(equalsBeforeFile).join('').replace('=3D=C3', '===C3'),
  'with == at the end of a line': () => encode(testFile).replace(/=\n/, '==\n'),
  'with =0D before the soft break': () => encode(testFile).replace(/=\n/, '=0D=\n'),
  'with =0D in the middle of a line': () => latin1(testFile).replace(/^(.{9})/, '$1=0D'),
  'with small letters for digits': () => encode(binaryFile).toLowerCase(),
  'with 200 blanks behind a soft break': () =>
    encode(binaryFile).replace(/=\n/, `=${' '.repeat(200)}\n`),
  'with 200 blanks behind the last soft break': () => `${encode(binaryFile)}=${' '.repeat(200)}`,
  'with VT behind a soft break': () => encode(binaryFile).replace(/=\n/g, '=\v\n'),
  'with NUL behind a soft break': () => encode(binaryFile).replace(/=\n/g, '=\0\n'),
  'with a bare CR as a soft break': () => encode(binaryFile).replace(/=\n/g, '=\r'),
  'with / in the place of a digit, which libEtPan takes for 0': () =>
    escapes(testFile).join('').replaceAll('=50', '=5/'),
  'with G in the place of the first digit, which VMime takes for 0': () =>
    escapes(textFile).join('').replaceAll('=0A', '=GA'),
  'with a blank for the first digit, which mailutils reads as a number': () =>
    escapes(textFile).join('').replaceAll('=0A', '= A'),
  'with one digit, which mailutils reads as a number': () =>
    escapes(binaryFile).join('').replaceAll('=05', '=5Z'),
  'with a negative number, as mailutils reads it': () =>
    escapes(binaryFile).join('').replaceAll('=FF', '=-1'),
  'with = that begin no escape, and one with a blank before a line end': () => latin1(equalsFile),
  'with = that begin no escape, and others that do': () =>
    latin1(equalsFile).replace('if', '=69=66'),
  'with two bytes behind a =, for which Thunderbird has no room': () => {
    const [first, ...lines] = latin1(equalsFile).split('\n')
    const changed = lines
      .join('\n')
      .replaceAll('a ==41', 'a =~~=3D41')
      .replaceAll('c = ', 'c =~~ ')
      .replaceAll('=4=41', '=~~4=3D41')
    return `${first}\n${changed}`
  },
  'with = and a digit, behind which c-client drops a byte': () =>
    latin1(equalsFile).replaceAll('=4=41', '=4~=3D41'),
  'with bare CRs, which KMime drops': () =>
    quotedPrintableText(testFile).replace(/(.{6})/g, '$1\r'),
  'with a bare CR and a byte for a line end, as mailutils reads it': () =>
    quotedPrintableText(textFile).replaceAll('\n', '\rX'),
  'with bare CRs for line ends, and / for digits, as libEtPan reads both': () =>
    quotedPrintableText(openTextFile).replaceAll(' ', '=2/').replaceAll('\n', '\r'),
  'with bare CRs for line ends': () => quotedPrintableText(openTextFile).replaceAll('\n', '\r'),
  'with = and bare CRs, which GMime and others keep': () => latin1(equalsCrFile),
  'with = and a bare CR, behind which Python drops the rest of a line': () =>
    quotedPrintableText(textFile).replaceAll(' a file', '=\rno\n a file'),
  'with blanks in front of bare CRs, which mailparser removes': () =>
    latin1(equalsCrFile).replaceAll('=', '=3D').replaceAll('\r', ' \r'),
  'with a soft break in an escape': () => encode(testFile).replace(/^(=..){5}=(.)/, '$&=\n'),
  'with an empty soft break': () => encode(binaryFile).replace(/=\n/, '=\n=\n=\n'),
  'in one line of over 1,000 characters': () => escapes(binaryFile).join(''),
  'with bytes of eight bits': () =>
    encode(binaryFile).replace(/=([89A-F][0-9A-F])/g, (_, digits: string) =>
      String.fromCharCode(Number.parseInt(digits, 16)),
    ),
  'with an encoded word around it': () => `=?us-ascii?q?${escapes(testFile).join('')}?=`,
  'whose first line begins with Content': () => `Content=\n${quotedPrintableText(testFile)}`,
  'whose first line is a field': () => `Content-Type: x=\n${quotedPrintableText(testFile)}`,
  'that ends in a soft break without a line end': () => `${quotedPrintableText(openTextFile)}=`,
  'that ends in a = and a digit': () => `${escapes(testFile).join('')}=4`,
  'with an empty line at its end': () => `${encode(textFile)}\n`,
}

export const quotedPrintable: readonly Evasion[] = [
  ...Object.entries(ofFile).map(([name, body]) => data(`quoted-printable ${name}`, body)),
  data(
    'quoted-printable with a NUL in each escape',
    () => encode(binaryFile).replace(/=(.)(?=[^\n])/g, '=$1\0'),
    undefined,
    'programs that drop NULs',
  ),
  data('quoted-printable that declares x-quoted-printable', () => encode(testFile), [
    FILE_TYPE,
    'Content-Transfer-Encoding: x-quoted-printable',
  ]),
  data(
    'quoted-printable that declares QUOTED-PRINTABLE in small and large letters',
    () => encode(binaryFile),
    [FILE_TYPE, 'Content-Transfer-Encoding: Quoted-PRINTABLE'],
  ),
  data('quoted-printable that declares quoted_printable', () => encode(testFile), [
    FILE_TYPE,
    'Content-Transfer-Encoding: quoted_printable',
  ]),
  ...named({
    'quoted-printable as a mail of its own, a soft break at its end': () =>
      alone([FILE_TYPE, QUOTED], `${encode(binaryFile)}=`),
  }),
]
