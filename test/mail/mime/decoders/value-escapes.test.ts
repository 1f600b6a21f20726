import t from 'tap'
import { makerOf } from '../../../../src/mail/mime/decoders/decoder.ts'
import { Unescaped, Unpercented } from '../../../../src/mail/mime/decoders/value-escapes.ts'
import { inEverySplit } from './in-every-split.ts'

t.test('escapes of values are decoded, wherever they are cut', async (t) => {
  const rows = [
    [Unescaped, 'QU\\nJD', 'QUJD'],
    [Unescaped, 'QU\\N\\r\\RJD', 'QUJD'],
    [Unescaped, 'n\\\\nQ\\,;\\', 'nnQ,;'],
    [Unpercented, 'A%42%4a%4AC', 'ABJJC'],
    [Unpercented, '%%41%4%x%4', '%A%4%x%4'],
    [Unpercented, '%00%ff%E9', '\0\xff\xe9'],
    [Unpercented, '', ''],
  ] as const
  for (const [Decoder, text, expected] of rows) {
    t.same([...inEverySplit(text, makerOf(Decoder))], [expected], text)
  }
})
