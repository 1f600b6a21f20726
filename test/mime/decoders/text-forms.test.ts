import t from 'tap'
import type { Decoder, Give } from '../../../src/mime/decoders/decoder.ts'
import {
  LowBytes,
  Unflowed,
  WithLineEnds,
  WithoutByte,
  WithoutEmptyLines,
  WithoutTails,
} from '../../../src/mime/decoders/text-forms.ts'
import { inEverySplit } from './in-every-split.ts'

const make: Readonly<Record<string, (give: Give, room: Buffer) => Decoder>> = {
  'with LF': (give, room) => new WithLineEnds(give, room, 'lf'),
  'with CR LF': (give, room) => new WithLineEnds(give, room, 'crlf'),
  'without CRs': (give, room) => new WithoutByte(give, room, 0x0d),
  'without empty lines in front': (give, room) => new WithoutEmptyLines(give, room),
  'without what follows a NUL': (give, room) => new WithoutTails(give, room),
  'without flowed line ends': (give, room) => new Unflowed(give, room),
  'with the lowest bytes of characters': (give) => new LowBytes(give),
}

const rows: readonly (readonly [string, string, string])[] = [
  ['with LF', 'a\r\nb\nc\rd\r\r\ne\r', 'a\nb\nc\rd\r\ne\r'],
  ['with CR LF', 'a\r\nb\n\nc\rd\r\r\ne\r', 'a\r\nb\r\n\r\nc\rd\r\r\ne\r'],
  ['without CRs', 'a\r\nb\rc\n\r', 'a\nbc\n'],
  ['without empty lines in front', '\r\n\n\r a\n\nb', ' a\n\nb'],
  ['without empty lines in front', '\n\n', ''],
  ['without what follows a NUL', 'a\0b\0c\r\nd\ne\0', 'ad\ne'],
  ['without flowed line ends', 'a \nb \r\nc\nd  \ne\r\n', 'abc\nd e\r\n'],
  ['without flowed line ends', '>> a \n>b\n c\nd>e f\n', 'ab\nc\nd>e f\n'],
  ['without flowed line ends', 'a \rb \r\r\nc ', 'a \rb \r\r\nc '],
  ['with the lowest bytes of characters', 'a\xc3\xa9\xe2\x82\xacb', 'a\xe9\xacb'],
  ['with the lowest bytes of characters', 'a\xe2', 'a\xfd'],
]

for (const [name, text, expected] of rows) {
  t.test(`a text ${name}: ${JSON.stringify(text)}`, async (t) => {
    t.same([...inEverySplit(text, make[name]!)], [expected])
  })
}
