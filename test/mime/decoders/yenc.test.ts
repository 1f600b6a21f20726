import t from 'tap'
import { decoderRoom } from '../../../src/mime/decoders/base64.ts'
import { makerOf } from '../../../src/mime/decoders/decoder.ts'
import { YencDecoder, type YencMode, type YencOddities } from '../../../src/mime/decoders/yenc.ts'
import { inEverySplit } from './in-every-split.ts'

const USUAL: YencMode = { controls: 'data', anyCase: true, joins: false }

t.test('yEnc is decoded up to its end', async (t) => {
  const make = makerOf(YencDecoder, USUAL)
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

t.test('yEnc is decoded as other readers do', async (t) => {
  const rows: readonly (readonly [Partial<YencMode>, string, string])[] = [
    [{ controls: 'skip' }, '\x8b\r\x8c\0\x8d\r\n\x8e', 'abcd'],
    [{ anyCase: false }, '\x8b\n=YEND\n\x8c', 'a\xef\x1b\x24\x1ab'],
    [{ joins: true }, '\x8b\n=yend\nx\n=ybegin\n=ypart\n\x8c\n=yend', 'ab'],
    [{ joins: true }, '\x8b\n=yend\n=ypart\n\x8c', 'a'],
  ]
  for (const [mode, text, expected] of rows) {
    const make = makerOf(YencDecoder, { ...USUAL, ...mode })
    t.same([...inEverySplit(text, make)], [expected], JSON.stringify(text))
  }
})

t.test('what readers of yEnc decode in different ways is noted', async (t) => {
  const none: YencOddities = { controls: false, capitals: false, parts: false }
  const rows: Readonly<Record<string, Partial<YencOddities>>> = {
    '=ypart\r\n\x8b\r\n=yend\r\n': {},
    '\x8b\n=yendX\n': {},
    '\x8b\r\x8c': { controls: true },
    '\x8b\0': { controls: true },
    '\x8b\n=Yend': { capitals: true },
    '\x8b\n=yEnd more\n': { capitals: true },
    '\x8b\n=yend\n=ybegin\n': { parts: true },
  }
  for (const [text, expected] of Object.entries(rows)) {
    const odd = { ...none }
    inEverySplit(text, makerOf(YencDecoder, USUAL, odd))
    t.same(odd, { ...none, ...expected }, JSON.stringify(text))
  }
})
