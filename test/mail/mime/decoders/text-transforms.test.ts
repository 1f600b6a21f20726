import t from 'tap'
import { lowBytes } from '../../../../src/mail/mime/decoders/charsets.ts'
import type { Decoder } from '../../../../src/mail/mime/decoders/decoder.ts'
import {
  lineEnds,
  unescaped,
  unflowed,
  unpercented,
  unstuffed,
  withoutNuls,
  withoutTails,
} from '../../../../src/mail/mime/decoders/text-transforms.ts'
import { decode } from './decode.ts'

const make: Readonly<Record<string, Decoder>> = {
  'with LF': lineEnds({ to: 'lf', bareCr: 'itself' }),
  'with CR LF': lineEnds({ to: 'crlf', bareCr: 'itself' }),
  'with LF and without bare CRs': lineEnds({ to: 'lf', bareCr: 'nothing' }),
  'with LF for bare CRs, too': lineEnds({ to: 'lf', bareCr: 'line end' }),
  'with CR LF for bare CRs, too': lineEnds({ to: 'crlf', bareCr: 'line end' }),
  'whose bare CRs take a byte': lineEnds({ to: 'lf', bareCr: 'line end with the next' }),
  'without NULs': withoutNuls,
  'without what follows a NUL': withoutTails,
  'without flowed line ends': unflowed,
  'without the blanks of flowed text': unstuffed,
  'with the lowest bytes of characters': lowBytes,
}

const rows: readonly (readonly [string, string, string])[] = [
  ['with LF', 'a\r\nb\nc\rd\r\r\ne\r', 'a\nb\nc\rd\r\ne\r'],
  ['with CR LF', 'a\r\nb\n\nc\rd\r\r\ne\r', 'a\r\nb\r\n\r\nc\rd\r\r\ne\r'],
  ['with LF and without bare CRs', 'a\rb\r\nc\nd\r', 'ab\nc\nd'],
  ['with LF for bare CRs, too', 'a\rb\r\nc\nd\r', 'a\nb\nc\nd\n'],
  ['with CR LF for bare CRs, too', 'a\rb\r\nc\nd\r', 'a\r\nb\r\nc\r\nd\r\n'],
  ['whose bare CRs take a byte', 'a\rb\r\nc\nd\r', 'a\n\nc\nd\n'],
  ['whose bare CRs take a byte', 'a\r\r\nb', 'a\n\nb'],
  ['without NULs', 'a\0\nb\0\0c\n\0', 'a\nbc\n'],
  ['without what follows a NUL', 'a\0b\0c\r\nd\ne\0', 'ad\ne'],
  ['without flowed line ends', 'a \nb \r\nc\nd  \ne\r\n', 'abc\nd e\r\n'],
  ['without flowed line ends', '>> a \n>b\n c\nd>e f\n', 'ab\nc\nd>e f\n'],
  ['without flowed line ends', ' >a\n', '>a\n'],
  ['without flowed line ends', 'a \rb \r\r\nc ', 'a \rb \r\r\nc '],
  ['without the blanks of flowed text', ' a\n b c\n  d\n\n e', 'a\nb c\n d\n\ne'],
  ['with the lowest bytes of characters', 'a\xc3\xa9\xe2\x82\xacb', 'a\xe9\xacb'],
  ['with the lowest bytes of characters', 'a\xe2', 'a\xfd'],
]

for (const [name, text, expected] of rows) {
  t.test(`a text ${name}: ${JSON.stringify(text)}`, async (t) => {
    t.equal(decode(make[name]!, text), expected)
  })
}

t.test('escapes of values are decoded, wherever they are cut', async (t) => {
  const rows = [
    [unescaped, 'QU\\nJD', 'QUJD'],
    [unescaped, 'QU\\N\\r\\RJD', 'QUJD'],
    [unescaped, 'n\\\\nQ\\,;\\', 'nnQ,;'],
    [unpercented, 'A%42%4a%4AC', 'ABJJC'],
    [unpercented, '%%41%4%x%4', '%A%4%x%4'],
    [unpercented, '%00%ff%E9', '\0\xff\xe9'],
    [unpercented, '', ''],
  ] as const
  for (const [makeDecoder, text, expected] of rows) {
    t.equal(decode(makeDecoder, text), expected, text)
  }
})
