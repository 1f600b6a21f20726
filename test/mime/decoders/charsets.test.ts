import t from 'tap'
import { decoderRoom } from '../../../src/mime/decoders/base64.ts'
import { changesAscii, toUtf8 } from '../../../src/mime/decoders/charsets.ts'
import { charsetsIn } from '../../../src/mime/headers/part-header.ts'
import { inEverySplit } from './in-every-split.ts'

t.test('a header names character sets', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    'content-type: text/plain; charset=utf-16be': ['utf-16be'],
    'content-type: text/plain; charset="iso-8859-1"; name=a': ['iso-8859-1'],
    "content-type: text/plain; charset*=us-ascii''utf-7": [],
    'content-type: text/plain; charset*0=utf-7; charset = koi8-r': ['utf-7', 'koi8-r'],
    'content-type: text/plain; charset=utf-8; charset=us-ascii': [],
    'content-type: text/plain': [],
    'charset=a charset=b charset=c charset=d charset=e': ['a', 'b', 'c', 'd'],
  }
  for (const [header, expected] of Object.entries(rows))
    t.same(charsetsIn(header), expected, header)
  for (const charset of ['utf-16', 'utf7', 'csunicode', 'iso-2022-jp', 'ucs-2'])
    t.ok(changesAscii(charset))
  for (const charset of ['iso-8859-1', 'koi8-r', 'x-utf-16']) t.notOk(changesAscii(charset))
})

t.test('a text in a character set becomes UTF-8, in any split', async (t) => {
  const rows: readonly (readonly [string, string, string])[] = [
    ['iso-8859-1', 'a\xe9\x80', 'aé\u0080'],
    ['windows-1252', '\x80', '€'],
    ['utf-7', 'a+IKw-b', 'a€b'],
    ['utf-7', 'a+IKw', 'a€'],
    ['utf-7-imap', 'a&IKw-b', 'a€b'],
    ['utf-16be', '\0a\x20\xac', 'a€'],
    ['iso-2022-jp', '\x1b$B$"\x1b(Ba\x1b(B\x1b(Bb', 'あab'],
  ]
  for (const [charset, text, expected] of rows) {
    const [make] = toUtf8(charset)
    const [found, ...others] = inEverySplit(text, make!)
    t.equal(Buffer.from(found!, 'latin1').toString(), expected, charset)
    t.same(others, [])
  }
  for (const charset of ['utf-16', 'utf16', 'unicode', 'ucs-2', 'ucs2']) {
    t.equal(toUtf8(charset).length, 2, `${charset} in both orders`)
  }
  for (const charset of ['utf-16le', 'x-unicode']) t.ok(toUtf8(charset).length < 2, charset)
  t.same(toUtf8('x-nobody-knows'), [])
})

t.test('UTF-7 waits for a blank, but not for more than 64 KB', async (t) => {
  const [make] = toUtf8('utf-7')
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
    }, decoderRoom())
    const bytes = Buffer.from(text)
    decoder.push(bytes, 0, bytes.length)
    t.equal(given, expected, `${text.slice(0, 4).trim()}, ${text.length} bytes`)
  }
})
