import t from 'tap'
import { decoderRoom, makerOf } from '../../../../src/mail/mime/decoders/decoder.ts'
import { YencDecoder, type YencOddities } from '../../../../src/mail/mime/decoders/yenc.ts'
import { inEverySplit } from './in-every-split.ts'

t.test('yEnc is decoded up to its end', async (t) => {
  const make = makerOf(YencDecoder, 'data')
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
    t.same([...inEverySplit(text, make)], [expected], JSON.stringify(text))
  }
  const long = '\x8b'.repeat(40_000)
  let decoded = ''
  const decoder = make((room, length) => {
    decoded += room.toString('latin1', 0, length)
  }, decoderRoom())
  for (let at = 0; at < long.length; at += 1000) {
    decoder.push(Buffer.from(long, 'latin1'), at, at + 1000)
  }
  decoder.end()
  t.equal(decoded, 'a'.repeat(40_000), 'a line of any length')
})

t.test('yEnc is decoded as Thunderbird does, which skips bare CRs and NULs', async (t) => {
  const make = makerOf(YencDecoder, 'skip')
  t.same([...inEverySplit('\x8b\r\x8c\0\x8d\r\n\x8e', make)], ['abcd'])
})

t.test('what readers of yEnc decode in different ways is noted', async (t) => {
  const none: YencOddities = { controls: false }
  const rows: Readonly<Record<string, Partial<YencOddities>>> = {
    '=ypart\r\n\x8b\r\n=yend\r\n': {},
    '\x8b\n=yendX\n': {},
    '\x8b\r\x8c': { controls: true },
    '\x8b\0': { controls: true },
    '\x8b\n=yEnd more\n': {},
  }
  for (const [text, expected] of Object.entries(rows)) {
    const odd = { ...none }
    inEverySplit(text, makerOf(YencDecoder, 'data', odd))
    t.same(odd, { ...none, ...expected }, JSON.stringify(text))
  }
})
