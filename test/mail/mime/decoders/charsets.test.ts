import t from 'tap'
import { changesAscii, plainCharset, toUtf8 } from '../../../../src/mail/mime/decoders/charsets.ts'
import { ROOM } from '../../../../src/mail/mime/decoders/decoder.ts'
import { inEverySplit } from './decode.ts'

t.test('a character set says whether text of ASCII is other text in it', async (t) => {
  for (const charset of ['UTF-16', 'utf7', 'csUnicode', 'iso-2022-jp', 'UCS-2', 'hz-gb-2312'])
    t.ok(changesAscii(plainCharset(charset)), charset)
  for (const charset of ['iso-8859-1', 'KOI8-R', 'x-utf-16'])
    t.notOk(changesAscii(plainCharset(charset)), charset)
})

t.test('a text in a character set becomes UTF-8, in any split', async (t) => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['iso-8859-1', 'a\xe9\x80', 'aé\u0080'],
    ['Windows_1252', '\x80', '€'],
    ['ISO8859-15', '\xa4', '€'],
    ['shift_jis', '\x82\xa0', 'あ'],
    ['EUC-JP', '\xa4\xa2', 'あ'],
    ['gb18030', '\xc4\xfa', '您'],
    ['utf-7', 'a+IKw-b', 'a€b'],
    ['utf-7', 'a+IKw', 'a€'],
    ['utf-7-imap', 'a&IKw-b', 'a€b'],
    ['cesu-8', 'a\xe2\x82\xac', 'a€'],
    ['utf-16be', '\0a\x20\xac', 'a€'],
    ['csISO2022JP', '\x1b$B$"\x1b(B', 'あ'],
    ['iso-2022-jp', '\x1b$B$"\x1b(Ba\x1b(B\x1b(Bb', 'あab'],
  ]
  for (const [charset, text, expected] of rows) {
    const [make] = toUtf8(plainCharset(charset))
    const found = Buffer.from(inEverySplit(make!, text), 'latin1')
    t.equal(found.toString(), expected, charset)
  }
  for (const charset of ['utf-16', 'utf16', 'unicode', 'ucs-2', 'ucs2']) {
    t.equal(toUtf8(plainCharset(charset)).length, 2, `${charset} in both orders`)
  }
  for (const charset of ['utf-16le', 'x-unicode'])
    t.ok(toUtf8(plainCharset(charset)).length < 2, charset)
  for (const charset of ['x-nobody-knows', 'utf-7x', 'constructor', 'internal', '']) {
    t.same(toUtf8(plainCharset(charset)), [], charset)
  }
})

t.test('UTF-7 waits for a blank, but not for more than 64 KB', async (t) => {
  const [make] = toUtf8(plainCharset('utf-7'))
  for (const [text, expected] of [
    ['a b', 2],
    ['a\nb', 2],
    ['a b\nc', 4],
    [`b ${'a'.repeat(65_536)}`, 2],
    [`b ${'a'.repeat(65_537)}`, 65_539],
  ] as const) {
    let given = 0
    const decoder = make!((_, length) => {
      given += length
    }, Buffer.alloc(ROOM))
    const bytes = Buffer.from(text)
    decoder.push(bytes, 0, bytes.length)
    t.equal(given, expected, `${text.slice(0, 4).trim()}, ${text.length} bytes`)
  }
})
