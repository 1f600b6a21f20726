import t from 'tap'
import { AttachDecoder } from '../../../src/mime/decoders/attach.ts'
import { decoderRoom } from '../../../src/mime/decoders/base64.ts'
import { makerOf } from '../../../src/mime/decoders/decoder.ts'
import { inEverySplit } from './in-every-split.ts'

t.test('a file in a calendar is the base64 behind the parameters of its property', async (t) => {
  const rows: Readonly<Record<string, string>> = {
    'ATTACH;ENCODING=BASE64;VALUE=BINARY:QUJD': 'ABC',
    'ATTACH;ENCODING=BASE64:QU\r\n JD\r\n\tQUJD\r\nEND:QUJD': 'ABCABC',
    'ATTACH;ENCODING=BASE64:QUJD\r\nX QUJD': 'ABC',
    'attach;enc\r\n oding=\n\tbase64\r\n :\r\n QUJD\nQUJD': 'ABC',
    'ATTACH;X="a: b";ENCODING = "base64":QUJD': 'ABC',
    'ATTACH;ENCODING=BASE64;X="a:QUJD': '',
    'ATTACH;ENCODING=8BIT:base64:QUJD': '',
    'ATTACH;ENCODING=\r\nBASE64:QUJD': '',
    'ATTACH:QUJD': '',
  }
  for (const [text, expected] of Object.entries(rows)) {
    t.same([...inEverySplit(text, makerOf(AttachDecoder))], [expected], JSON.stringify(text))
  }
})

t.test('a property in a calendar whose parameters are too long is not read', async (t) => {
  const front = 'ATTACH;ENCODING=BASE64;X='
  for (const [length, expected] of [
    [4096, 'ABC'],
    [4097, ''],
  ] as const) {
    let decoded = ''
    const decoder = new AttachDecoder((room, length) => {
      decoded += room.toString('latin1', 0, length)
    }, decoderRoom())
    const bytes = Buffer.from(`${front.padEnd(length, 'x')}:QUJD`)
    decoder.push(bytes, 0, bytes.length)
    decoder.end()
    t.equal(decoded, expected, `${length} bytes`)
  }
})
