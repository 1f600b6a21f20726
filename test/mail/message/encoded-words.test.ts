import fc from 'fast-check'
import t from 'tap'
import {
  decodeWords,
  hasHiddenLineEnd,
  hidesLineEnd,
} from '../../../src/mail/message/encoded-words.ts'

const ENCODED_FIELDS_MAX = 256 * 1024
const ENCODED_WORDS_MAX = 2500

/** Encoded words (RFC 2047), as laxly as ripmime reads them. */

const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64')
const inB = (text: string) => `=?x?b?${base64(text)}?=`
const inQ = (text: string) => {
  const escaped = [...Buffer.from(text, 'latin1')].map((byte) => `=${byte.toString(16)}`)
  return `=?x?q?${escaped.join('')}?=`
}

t.test('a line end or a NUL is found after the beginning of an encoded word', async (t) => {
  for (const field of [
    '=?x?q?=0a',
    '=?x?q?=0D?=',
    '=?x?Q?a=00b?=',
    '=? =0a',
    'Subject: a =?x?q?b?= c =0a',
    inB('\n'),
    inB('a\rb'),
    inB('a\0'),
    `=?x? B ?${base64('\n')}`,
    `=?x?base?${base64('\n')}`,
    '=?x?b?C g = =?=',
    '=?x?b?YWI=Cg==?=',
    '=?x?b?YQ=o=?=',
  ]) {
    t.equal(hidesLineEnd(field), true, JSON.stringify(field))
  }
})

t.test('no line end is found in other text', async (t) => {
  for (const field of [
    '',
    'Subject: =0a',
    'a=0a =?x?q?b?=',
    '=?x?q?=0b=0g=1a?=',
    '=?x?q?a\nb?=',
    inB('abc'),
    inQ('abc'),
    `=?x?xb?${base64('\n')}?=`,
    `=?x?q?${base64('\n')}?=`,
    `=?${base64('\n')}?x?q?a?=`,
    '=?x?q?a?= '.repeat(9),
  ]) {
    t.equal(hidesLineEnd(field), false, JSON.stringify(field))
  }
})

t.test('encoded words are decoded four deep, and deeper ones may hide anything', async (t) => {
  for (const wrap of [inB, inQ]) {
    const nested = (text: string, times: number) => {
      let word = text
      for (let n = 0; n < times; n++) word = wrap(word)
      return word
    }
    t.equal(hidesLineEnd(nested('=?x?q?=0a', 1)), true)
    t.equal(hidesLineEnd(nested('=?x?q?=0a', 3)), true)
    t.equal(hidesLineEnd(nested('plain', 3)), false)
    t.equal(hidesLineEnd(nested('plain', 6)), true)
  }
})

t.test('a field of which too much would have to be decoded may hide anything', async (t) => {
  const around = (text: string) => `=?x?q?=41?= ${inB(text)}`
  const nested = (length: number) => around(`=?x?q?=41?= =?x?q?${'x'.repeat(length)}`)
  t.equal(hidesLineEnd(nested(500)), false)
  t.equal(hidesLineEnd(nested(50_000)), true)
  t.equal(hidesLineEnd(around('x'.repeat(50_000))), false)
})

/** The same, by decoding all of it into strings. */
function hidesByStrings(field: string, depth = 4): boolean {
  const from = field.indexOf('=?')
  if (from < 0 || depth === 0) return from >= 0
  const words = field.slice(from)
  const joined = words.replace(/[\r\n]/g, '')
  const unescaped = joined.replace(/=([0-9a-f]{2})/gi, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  const isEscaped = unescaped.length < joined.length
  const pieces = words.split('?')
  const decoded = pieces
    .filter((_, at) => at > 0 && /^\s*b/i.test(pieces[at - 1]!))
    .flatMap((piece) => {
      const data = piece.replace(/[^A-Za-z0-9+/=]/g, '').split(/=+/)
      const [anew, goingOn] = [data, [data.join('')]].map((runs) =>
        runs.map((run) => Buffer.from(run, 'base64').toString('latin1')).join(''),
      )
      return [anew!, goingOn!]
    })
  return (
    /=0[0ad]/i.test(words) ||
    (isEscaped && hidesByStrings(unescaped.slice(2), depth - 1)) ||
    decoded.some((text) => /[\0\r\n]/.test(text) || hidesByStrings(text, depth - 1))
  )
}

t.test('text that is not decoded hides nothing', async (t) => {
  const pieces = [
    '=?',
    '?',
    '?=',
    '=',
    'b',
    ' B',
    'q',
    'x',
    '_',
    '-',
    '\n ',
    '\r',
    '\xe9',
    'YWJj',
    'Cg==',
    'AA',
    ...['=3d', '=3F', '=62', '=E9', '=0', 'a', 'A', 'PT8', inB('abc'), inB('\n'), inQ('=?x?b?')],
  ]
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 16 }).map((all) => all.join(''))
  const wrapped = fc.tuple(text, fc.constantFrom(inB, inQ)).map(([inner, wrap]) => wrap(inner))
  let hiding = 0
  const property = fc.property(fc.oneof(text, wrapped), (field) => {
    const hides = hidesByStrings(field)
    if (hides) hiding++
    return hidesLineEnd(field) === hides
  })
  fc.assert(property, { numRuns: 20_000 })
  t.ok(hiding > 1000 && hiding < 19_000, `${hiding} of 20,000 hide a line end`)
})

t.test('each field of a header is looked at by itself, with its folds', async (t) => {
  t.equal(hasHiddenLineEnd('A: =?x?q?b\n =0a\nC: d\n'), true)
  t.equal(hasHiddenLineEnd('A: b\nC: =?x?q?d\n\t=0a\n'), true)
  t.equal(hasHiddenLineEnd('A: =?x?q?b\nC: =0a\n'), false)
  t.equal(hasHiddenLineEnd('A: b\n'), false)
})

t.test('too many encoded words may hide anything', async (t) => {
  const words = (count: number) => `A: ${'=?x?q?a?='.repeat(count)}\n`
  t.equal(hasHiddenLineEnd(words(ENCODED_WORDS_MAX)), false)
  t.equal(hasHiddenLineEnd(words(ENCODED_WORDS_MAX + 1)), true)
  const long = (length: number) => `A: =?x?q?${'a'.repeat(length - 'A: =?x?q?'.length)}`
  t.equal(hasHiddenLineEnd(`B: ${'b'.repeat(ENCODED_FIELDS_MAX)}\n${long(100)}`), false)
  t.equal(hasHiddenLineEnd(long(ENCODED_FIELDS_MAX)), false)
  t.equal(hasHiddenLineEnd(long(ENCODED_FIELDS_MAX + 1)), true)
})

t.test('the words of a text are decoded however they end', async (t) => {
  const table: Readonly<Record<string, string>> = {
    plain: 'plain',
    '=?utf-8?Q?a=20b_c?=': 'a b c',
    'x =?utf-8?b?YWJj?= y': 'x abc y',
    '=?x? B ?YWJj?=': 'abc',
    '=?x?q?a?==?x?q?b?=c': 'abc',
    '=?x?q?a': 'a',
    '=?x?q?a?b': 'a?b',
    '=?x?b?YWI=Yw==?=': 'abc',
    '=?x?b?=YQ=Y=Yw==b?=': 'ac',
    '=?x?q?=4=4A=e9=?=': '=4J\xe9=',
    '=?x?z?=41_?=': 'A ',
    '=?x??=41?=': 'A',
    '=?x?q': '=?x?q',
    '=?x': '=?x',
    'a=?': 'a=?',
    '=41': '=41',
  }
  for (const [text, decoded] of Object.entries(table)) t.equal(decodeWords(text), decoded, text)
  t.equal(decodeWords(inB(inQ(inB('deep')))), 'deep')
  t.equal(decodeWords(inB(inB(inB(inB(inB('x')))))), inB('x'), 'four times')
})
