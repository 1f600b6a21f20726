import t from 'tap'
import { normalizedName, readingsOf } from '../../../../src/mail/mime/headers/fields.ts'
import { MimeLines, type MimeText } from '../../../../src/mail/mime/headers/mime-lines.ts'

t.test('names are read as lenient readers do', async (t) => {
  t.equal(normalizedName(' content-type '), 'content-type')
  t.equal(normalizedName('con(x)tent-type'), 'content-type')
  t.equal(normalizedName('content_type:'), 'contenttype')
})

t.test('a text has all its readings, each once', async (t) => {
  const rows: Readonly<Record<string, readonly string[]>> = {
    '': [],
    abc: [],
    'a(b)c': ['ac'],
    'a(b(c)d)e': ['ae'],
    'a)b(c': ['a)b'],
    'a)b(c)d': ['a)bd'],
    'a("b)c"d(e)f': ['ac"d(e)f', 'ac"df'],
    '"(a)"(b)c': ['"(a)"c', '""c'],
    '"\\"(a)"b': ['"\\""b'],
    '\\(a)b\\': ['\\b\\'],
    'a)b': [],
    'a\0(\fb)c': ['a(b)c', 'a\0c', 'ac'],
    'a: (b\nc: d(e)f\n g\n': ['a: \nc: df\n g\n'],
    'a: "(b\nc: "(d)\n': ['a: "\nc: "\n'],
    '=?x?q?a=28b?=c(d)': ['=?x?q?a=28b?=c', 'a(bc(d)', 'a(bc'],
  }
  for (const [text, others] of Object.entries(rows))
    t.same(readingsOf(text), [text, ...others], text)
})

/** Collects whole lines; a line that begins with a blank is a fold. */
function collect(lines: readonly string[]): MimeText {
  const collected = new MimeLines()
  for (const line of lines) collected.add(line, line.startsWith(' '))
  return collected.read()
}

t.test('only lines that may describe content are collected', async (t) => {
  const about = [
    ...['Content-X: a\n', 'X-ENCODING: a\n', 'Mime: a\n', 'Boundary: a\n', 'x-name: a\n'],
    ...['Disposition: a\n', 'no colon\n', 'a b: c\n', 'a=b: c\n', `${'x'.repeat(201)}: a\n`],
  ]
  for (const line of about) t.equal(collect([line, ' fold\n']).text, `${line} fold\n`, line)
  const others = ['Subject: content\n', 'X: boundary=a\n', `${'x'.repeat(200)}: a\n`]
  for (const line of others) t.equal(collect([line, ' fold\n']).text, '', line)
  t.equal(collect(['Content-X: a\n', 'To: a\n', 'Mime: b\n']).text, 'Content-X: a\nMime: b\n')
  t.equal(collect(['Content-X: a\r', 'To: b\r']).text, 'Content-X: a\n', 'a CR ends a line')
})

t.test('control characters are noted in all lines', async (t) => {
  for (const text of ['\0', '\x08', '\v', '\f', '\x0e', '\x1f', 'a\rb']) {
    t.equal(collect([`To: ${text}\n`, 'X: y\n']).hasControls, true, JSON.stringify(text))
  }
  t.equal(collect(['To: a\tb \x7f\xff\r\n']).hasControls, false)
})

t.test('lines with encoded words are decoded, with their folds', async (t) => {
  const lines = collect(['To: x\n', 'X: =?utf-8?q?a=0Db=0D=0Ac?=\n', ' fold\n', 'Y: z\n'])
  t.equal(lines.text, '\nX: a\nb\nc\n fold\n')
  t.equal(lines.hidesLineEnd, true)
  t.equal(collect(['X: =?utf-8?q?abc?=\n']).hidesLineEnd, false)
  t.equal(collect(['X: a\n']).hidesLineEnd, false)
})
