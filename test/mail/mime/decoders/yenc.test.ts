import t from 'tap'
import { yenc } from '../../../../src/mail/mime/decoders/yenc.ts'
import { decode, ways } from './decode.ts'

t.test('yEnc is decoded up to its end', async (t) => {
  const rows: Readonly<Record<string, string>> = {
    '\x8b\x8c\r\n\x8d\n=yend size=3\n\x8b': 'abc',
    '=ypart begin=1\n\x8b\n=YPART\n\x8c': 'ab',
    '\x8b\n=YEND\n\x8c': 'a',
    '\x8b\r\x8c\0': 'a\xe3b\xd6',
    '\x8b\n=yend\nx\n=ybegin\n\x8c': 'a',
    '=\xcb=\xcc': 'ab',
    '\x8b=\n\x8c': 'a\x13b',
    '\x8b=yend\x8b': 'a\x0f;D:a',
    '==\x8b': '\xd3a',
    '=x=yend \x8b\n\x8c': '\x0e\x0f;D:\xf6ab',
    '\x8b\n=yen': 'a\x0f;D',
    '\x8b\r': 'a\xe3',
    '\x29': '\xff',
    '': '',
  }
  for (const [text, expected] of Object.entries(rows)) {
    t.equal(ways(yenc, text).common, expected, JSON.stringify(text))
  }
  const long = decode(yenc, '\x8b'.repeat(40_000))
  t.equal(long, 'a'.repeat(40_000), 'a line of any length')
})
