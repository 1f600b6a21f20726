import {
  ATTACHED,
  BASE64,
  base64,
  delimited,
  type Evasion,
  FILE_TYPE,
  FORM_DATA,
  filePart,
  inPart,
  inParts,
  latin1,
  mail,
  marked,
  mixed,
  multipart,
  named,
  part,
  QUOTED,
  TEXT,
  ZIP_TYPE,
} from './compose.ts'
import { base64AlikeFile, binaryFile, textFile, trickyFile, zip } from './files.ts'

const file = part([ZIP_TYPE, BASE64, ATTACHED], marked(zip))

const KB = 1024
const filler = (size: number) => `X-Filler: ${'x'.repeat(70)}\n`.repeat(Math.ceil(size / 81))
const folded = (size: number) =>
  `X-Filler: ${`${'x'.repeat(70)}\n `.repeat(Math.ceil(size / 72))}x\n`

function behindFields(size: number, make: (size: number) => string, what: string): Evasion[] {
  const shown = `${size / KB} KB`
  return [
    {
      name: `an encoding behind ${shown} of ${what} in a part`,
      text: () => mixed(`${ZIP_TYPE}\n${make(size)}${BASE64}\n\n${marked(zip)}`),
    },
    {
      name: `a boundary behind ${shown} of ${what} in a part`,
      text: () => mixed(`${make(size)}${multipart('mixed', [TEXT, file], { boundary: 'in' })}`),
    },
    ...(size < 1000 * KB
      ? [
          {
            name: `an encoding behind ${shown} of ${what} in the header of the mail`,
            text: () => mail(`${ZIP_TYPE}\n${make(size)}${BASE64}\n\n${marked(zip)}\n`),
          },
        ]
      : []),
  ]
}

/** Parts that are multiparts themselves, each with a boundary of its own. */
function manyMultiparts(count: number): string[] {
  return Array.from({ length: count }, (_, n) =>
    multipart('alternative', [TEXT], { boundary: `many${n}x` }),
  )
}

function boundaryOf(length: number): Evasion {
  const boundary = 'x'.repeat(length)
  return {
    name: `a boundary of ${length} bytes`,
    text: () => mail(multipart('mixed', [TEXT, file], { boundary })),
  }
}

function manyBoundaries(count: number, where: 'first' | 'last'): Evasion {
  const others = Array.from({ length: count }, (_, n) => `x${n}boundary=z${n}`)
  const all = where === 'first' ? ['boundary=b1', ...others] : [...others, 'boundary=b1']
  return {
    name: `${count} parameters that end in boundary, the boundary ${where}`,
    text: () => mixed(file, { field: `Content-Type: multipart/mixed;\n ${all.join(';\n ')}` }),
  }
}

const lines = (count: number, line: string) => `${line}\n`.repeat(count)

/** Parts that take all the budget for odd readings, in some 2,000 bytes. */
const spending = `Content-Type: text/plain\n\n${Array.from(
  { length: 80 },
  (_, n) => `begin 644 a\n#86${String.fromCharCode(65 + (n % 26), 65 + Math.floor(n / 26))}\n`,
).join('')}`

export const limits: readonly Evasion[] = [
  ...['base64 ', 'base64 (c)', '"base64"'].map((word) => ({
    name: `a file behind what is odd, in an encoding written ${JSON.stringify(word)}`,
    text: () =>
      inParts(
        TEXT,
        spending,
        part([...FORM_DATA, `Content-Transfer-Encoding: ${word}`], base64(zip)),
      ),
  })),
  ...named({
    'a message in base64 behind what is odd': () => {
      const file = multipart('mixed', [TEXT, part([...FORM_DATA, BASE64], base64(zip))], {
        boundary: 'in',
      })
      const message = part(['Content-Type: message/rfc822', BASE64], base64(Buffer.from(file)))
      return inParts(TEXT, spending, message)
    },
    'two boundaries that differ behind their first 1,000 bytes': () => {
      const front = 'x'.repeat(1000)
      const within = multipart('mixed', [TEXT, file], { boundary: `${front}2` })
      return mail(multipart('mixed', [within, TEXT], { boundary: `${front}1` }))
    },
    'a file behind 70 multiparts': () => inParts(...manyMultiparts(70), file),
    'a file behind 200 multiparts': () => inParts(...manyMultiparts(200), file),
    'a text known by its digest behind 70 multiparts': () =>
      inParts(...manyMultiparts(70), part([FILE_TYPE], latin1(textFile)), TEXT),
    'a file behind 900 parts': () => inParts(...Array<string>(900).fill(TEXT), file),
    'a file behind 3,000 empty parts': () => inParts(...Array<string>(3000).fill('\n'), file),
    'a file behind 200 lines that are no fields': () =>
      mixed(`${lines(200, 'X: y\nno field')}${file}`),
    'a text behind six lines that are no fields, with fields in it': () =>
      mixed(
        `${FILE_TYPE}\n${lines(6, 'X: y\nno field at all')}X: y\nContent-Transfer-Encoding: 8bit\n\n${latin1(trickyFile)}`,
      ),
    'a text with twenty blocks of fields in it, known by its digest': () =>
      inPart([FILE_TYPE, 'Content-Transfer-Encoding: 8bit'], latin1(trickyFile)),
    'a part that declares an encoding like base64, its text like base64': () =>
      inPart([FILE_TYPE, 'Content-Transfer-Encoding: not-base64-at-all'], latin1(base64AlikeFile)),
    'a text like base64 whose field names base64 in a comment': () =>
      inPart(
        [FILE_TYPE, 'X-Note: base64', 'Content-Transfer-Encoding: 7bit'],
        latin1(base64AlikeFile),
      ),
    'base64 behind 6,000 paddings': () =>
      inPart([ZIP_TYPE, BASE64], `${lines(6000, 'QQ==')}${base64(zip)}`),
    'base64 in one line of 200 KB, a zip at its end': () =>
      inPart(
        [ZIP_TYPE, BASE64],
        Buffer.concat([Buffer.alloc(150_000, 'text '), zip]).toString('base64'),
      ),
    'quoted-printable with 5,000 blanks behind a soft break': () =>
      inPart(
        [FILE_TYPE, QUOTED],
        [...binaryFile]
          .map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, '0')}`)
          .join('')
          .replace(/^(=..){20}/, `$&=${' '.repeat(5000)}\n`),
      ),
    'a field of 20,000 blanks before the encoding': () =>
      mixed(`${ZIP_TYPE}\nX-A:${' '.repeat(20_000)}b\n${BASE64}\n\n${marked(zip)}`),
    'a Content-Type with 20,000 blanks before its boundary': () =>
      mixed(file, { field: `Content-Type: multipart/mixed;${' '.repeat(20_000)}boundary=b1` }),
    'a Content-Type with 500 parameters before its boundary': () =>
      mixed(file, {
        field: `Content-Type: multipart/mixed;${Array.from({ length: 500 }, (_, n) => ` x${n}=y;`).join('\n')} boundary=b1`,
      }),
    'a multipart within twelve others': () => {
      let content = file
      for (let level = 12; level > 0; level--) {
        content = multipart('mixed', [content], { boundary: `d${level}x` })
      }
      return mail(content)
    },
    'a part behind the close of a multipart within 60 that follow': () =>
      inParts(
        `${multipart('mixed', [TEXT], { boundary: 'in' })}\n${manyMultiparts(66).join('\n')}\n${delimited([file], 'in')}`,
      ),
    'a zip of 40 KB in the way of 2,000 lines of dashes': () =>
      inPart([ZIP_TYPE, BASE64], `${lines(2000, '-- ')}${base64(zip)}`),
    'an encoding field whose name stands on a line of 3,000 blanks': () =>
      mixed(`${ZIP_TYPE}\n${' '.repeat(3000)}x\n${BASE64}\n\n${marked(zip)}`),
    'a file in a mail of which the header is over 600 KB': () =>
      mail(`${filler(600 * KB)}${multipart('mixed', [TEXT, filePart(zip)])}`),
  }),
  ...behindFields(70 * KB, filler, 'fields'),
  ...behindFields(140 * KB, filler, 'fields'),
  ...behindFields(1100 * KB, filler, 'fields'),
  ...behindFields(70 * KB, folded, 'one field'),
  ...behindFields(140 * KB, folded, 'one field'),
  ...[71, 990, 1001, 1100, 5000].map(boundaryOf),
  manyBoundaries(40, 'first'),
  manyBoundaries(40, 'last'),
  manyBoundaries(2000, 'last'),
]
