import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import {
  changesAscii,
  isUnreadable,
  normalizedCharset,
  toUtf8,
} from '../../../../src/mail/mime/decoders/charsets.ts'
import { readMail } from '../read-mail.ts'
import { decode } from './decode.ts'

t.test('ASCII is another text in some character sets', async (t) => {
  for (const charset of ['UTF-16', 'utf7', 'csUnicode', 'iso-2022-jp', 'UCS-2', 'hz-gb-2312'])
    t.ok(changesAscii(normalizedCharset(charset)), charset)
  for (const charset of ['iso-8859-1', 'KOI8-R', 'x-utf-16'])
    t.notOk(changesAscii(normalizedCharset(charset)), charset)
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
    const [make] = toUtf8(normalizedCharset(charset))
    const found = Buffer.from(decode(make!, text), 'latin1')
    t.equal(found.toString(), expected, charset)
  }
  for (const charset of ['utf-16', 'utf16', 'unicode', 'ucs-2', 'ucs2']) {
    t.equal(toUtf8(normalizedCharset(charset)).length, 2, `${charset} in both orders`)
  }
  for (const charset of ['utf-16le', 'x-unicode'])
    t.ok(toUtf8(normalizedCharset(charset)).length < 2, charset)
  for (const charset of ['x-nobody-knows', 'utf-7x', 'constructor', 'internal', '']) {
    t.same(toUtf8(normalizedCharset(charset)), [], charset)
  }
})

const iconv = (words: readonly string[], input: Buffer) =>
  spawnSync('iconv', words, { input }).stdout
const skip = spawnSync('iconv', ['--version']).error ? 'iconv is missing' : false

t.test('text that iconv(1) wrote in other sets is read back', { skip }, async (t) => {
  const sets: Readonly<Record<string, string>> = {
    'ISO-2022-KR': 'one\n가나 \\ two\n다~ three\n',
    'ISO-2022-CN': 'one\n您好 \\ two\n好~ three\n',
    'ISO-2022-JP': 'one\nあい \\ two\nう~ three\n',
    'ISO-2022-JP-2': 'one\nあい \\ two\n',
    'UCS-2BE': 'one a€b',
    'UCS-2LE': 'one a€b',
    'UCS-2': 'one a€b',
    'UCS-4': 'one a€b',
  }
  for (const [charset, text] of Object.entries(sets)) {
    const encoded = iconv(['-f', 'UTF-8', '-t', charset], Buffer.from(text))
    t.ok(encoded.length > 0, `${charset} is known to iconv`)
    const plain = normalizedCharset(charset)
    t.ok(changesAscii(plain), charset)
    const readings = toUtf8(plain).map((make) =>
      Buffer.from(decode(make, encoded.toString('latin1')), 'latin1').toString(),
    )
    t.ok(readings.includes(text), `${charset}: ${readings.join(' or ')}`)
  }
})

const otherBytes = Array.from({ length: 0xdf }, (_, n) => n + 0x21)

/** What iconv(1) reads in a line for each of these bytes, by the name of the set. One shell asks it for all. */
function linesIn(names: readonly string[]): Map<string, string[]> {
  const input = Buffer.from(otherBytes.flatMap((byte) => [byte, 0x0a]))
  const script = `cat >"$0/in"; for name; do
    echo "== $name"; iconv -c -f "$name" -t UTF-8 <"$0/in"; echo; done 2>/dev/null`
  const directory = mkdtempSync(join(tmpdir(), 'onescan-sets-'))
  const { stdout } = spawnSync('sh', ['-c', script, directory, ...names], {
    input,
    maxBuffer: 64 * 1024 * 1024,
  })
  rmSync(directory, { recursive: true })
  const answers = stdout.toString('latin1').split(/^== /m).slice(1)
  return new Map(
    answers.map((answer) => {
      const [name = '', ...lines] = answer.split('\n')
      return [name, lines]
    }),
  )
}

/** Whether some byte is a sign of ASCII in these lines that it is not in ASCII. */
function hasOtherSigns(lines: readonly string[]): boolean {
  const isOther = (sign: string, byte: number) => sign.charCodeAt(0) !== byte
  return otherBytes.some((byte, at) =>
    lines[at]?.match(/[!-~]/g)?.some((sign) => isOther(sign, byte)),
  )
}

t.test('each set of iconv(1) in which bytes are other signs is known', { skip }, async (t) => {
  const list = spawnSync('iconv', ['-l']).stdout.toString()
  const names = new Map(list.split(/[\s,/]+/).map((name) => [normalizedCharset(name), name]))
  names.delete('')
  const read = linesIn([...names.values()])
  t.equal(read.size, names.size)
  let count = 0
  for (const [name, lines] of read) {
    if (!hasOtherSigns(lines)) continue
    count++
    t.ok(changesAscii(normalizedCharset(name)), name)
  }
  t.ok(count > 20, `${count} of ${names.size}`)
})

t.test('signs of ASCII in high bytes, and in the places of others, are read', async (t) => {
  for (const [charset, text, expected] of [
    ['ARMSCII-8', 'f\xa5x\xa4', 'f(x)'],
    ['T.61-8bit', '\xa4(\xa6a)', '$(#a)'],
    ['ISO_6937-2', '\xa4x', '$x'],
    ['ISIRI-3342', '\xbcx\xa0\xe4', '<x }'],
    ['NS_4551-2', 'a ~ b', 'a | b'],
    ['ISO646-CU', 'a}', 'a['],
  ] as const) {
    const [make] = toUtf8(normalizedCharset(charset))
    t.equal(Buffer.from(decode(make!, text), 'latin1').toString(), expected, charset)
  }
})

t.test('both texts are read if decoders of ISO-2022-JP disagree', async (t) => {
  const readings = toUtf8('iso2022jp').map((make) =>
    Buffer.from(decode(make, 'a\x1b(J\\~\x1b(Bb'), 'latin1').toString(),
  )
  t.same(readings, ['a¥‾b', 'a\\~b'])
})

t.test('letters of half-width katakana are read in ISO-2022-JP', async (t) => {
  for (const make of toUtf8('iso2022jp')) {
    const found = Buffer.from(decode(make, 'a\x1b(I1\x1b(Bb'), 'latin1')
    t.equal(found.toString(), 'aｱb')
  }
})

t.test('malformed ISO-2022-JP is read to its end, and keeps its blanks', async (t) => {
  const signs = ['\x1b', '$', 'B', '(', 'J', 'I', '\x0e', '\x0f', '!', 'a', '\n', '\xe9', '\x8f']
  const texts = fc.array(fc.constantFrom(...signs), { maxLength: 12 })
  for (const make of toUtf8('iso2022jp')) {
    for (const text of ['\x1b$ ', '\x1b ', '\xe9 ', '\x1b$B! ', '\xe9\x1b(J ']) {
      t.match(decode(make, `a${text}`), /^a.* $/, JSON.stringify(text))
    }
    fc.assert(fc.property(texts, (some) => decode(make, `${some.join('')}\x1b(B `).endsWith(' ')))
  }
})

t.test('HZ is read according to RFC 1843', async (t) => {
  const [make] = toUtf8(normalizedCharset('HZ-GB-2312'))
  const found = Buffer.from(decode(make!, 'a~~b~{Dz~}c~\nd\n'), 'latin1').toString()
  t.equal(found, 'a~b您cd\n')
})

t.test('a set of other bytes that is not decoded is known for one', async (t) => {
  for (const charset of [
    ...['IBM037', 'CP500', 'IBM1047', 'CP273', '1047', 'OSF10020025', 'CSIBM037', 'cp1140'],
    ...['EBCDIC-CP-US', 'EBCDIC-CP-BE', 'EBCDIC-JP-KANA', 'x-EBCDIC-any', 'CCSID 277'],
    ...['cp1026', 'IBM871', 'ISO-2022-INT'],
  ]) {
    const plain = normalizedCharset(charset)
    t.ok(changesAscii(plain), charset)
    t.ok(isUnreadable(plain), charset)
    t.same(toUtf8(plain), [], charset)
  }
  for (const charset of [
    ...['cp1252', 'IBM437', 'cp850', 'windows-1251', 'ibm-866', 'cp932', 'cp949', '437', ''],
    ...['unicode-1-1-utf-8', 'cp', 'ibm', 'OSF100201B5'],
  ]) {
    t.notOk(changesAscii(normalizedCharset(charset)), charset)
  }
})

t.test('a part in a character set of other bytes that is not decoded is unread', async (t) => {
  const part = (parameters: string, more = '') =>
    `Content-Type: text/plain; ${parameters}\n${more}\nx\n`
  for (const [mail, charset] of [
    [part('charset=IBM277'), 'ibm277'],
    [part('charset="ibm037"; name=a'), 'ibm037'],
    [part('charset*0=ibm; charset*1=-037'), 'ibm037'],
    [part("charset*=us-ascii''ibm%30037"), 'ibm0037'],
    [part('charset=ISO-2022-INT'), 'iso2022int'],
    [part('charset=cp500', 'Content-Transfer-Encoding: base64\n'), 'cp500'],
    [`Content-Type: message/rfc822\n\n${part('charset=cp037')}`, 'cp037'],
  ] as const) {
    const { over, odd } = readMail(mail)
    t.same([over, odd.includes('unread')], [`text in ${charset}, which is not read`, true], mail)
  }
  for (const charset of ['iso-2022-cn', 'x-any', 'windows-1258', 'unicode-1-1-utf-8']) {
    const { over, odd } = readMail(part(`charset=${charset}`))
    t.same([over, odd.includes('unread')], ['', false], charset)
  }
})

t.test('a long text in UTF-7 is converted as a whole', async (t) => {
  const [make] = toUtf8(normalizedCharset('utf-7'))
  for (const word of ['a+AC4-b ', '+AC4-', 'a'.repeat(70_000)]) {
    const count = Math.ceil(100_000 / word.length)
    t.equal(decode(make!, word.repeat(count)), word.replace('+AC4-', '.').repeat(count))
  }
})
