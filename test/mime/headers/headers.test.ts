import t from 'tap'
import { encodingsOf } from '../../../src/mime/headers/encodings.ts'
import { readType } from '../../../src/mime/headers/strict-type.ts'
import { BOUNDARIES_MAX, BOUNDARY_LENGTHS_MAX } from '../../../src/mime/shared/limits.ts'
import { Boundaries } from '../../../src/mime/structure/boundaries.ts'

/** What the header of a part says: its type, its encodings, and the boundaries that are open. */

t.test('a type is read strictly only if no reader can read another type', async (t) => {
  const none = { boundary: undefined, isText: false }
  t.same(readType('text/plain'), { type: 'text/plain', boundary: undefined, isText: true })
  t.same(readType('Text/HTML'), { type: 'text/html', ...none })
  t.same(readType('multipart/mixed; boundary=b'), {
    type: 'multipart/mixed',
    boundary: 'b',
    isText: false,
  })
  t.equal(readType('a/b ;\tBoundary = "b c" ;')?.boundary, 'b c')
  t.equal(readType("a/b;boundary='()'".replace(/[()]/g, ''))?.boundary, "''")
  t.equal(readType(`a/b; boundary="${'b'.repeat(200)}"`)?.boundary?.length, 200)
  const texts = ['charset=utf-8; format=flowed; DelSp=yes', 'reply-type=original', 'markup=x']
  for (const text of texts) t.equal(readType(`text/plain; ${text}`)?.isText, true, text)
  t.equal(readType('text/plain; name=a.exe')?.isText, false)
  t.equal(readType('text/plain; charset=x; name=y')?.isText, false)
  t.equal(readType('text/plainer')?.isText, false)
  for (const value of [
    '',
    'text',
    ' text/plain',
    'text/plain x',
    'text/plain; x',
    'text/plain; a=b c',
    'text/plain; a="b',
    'text/plain; a="b\\"c"',
    'text/plain; a=b; A=c',
    'a/b; boundary=""',
    'a/b; boundary="b "',
    'a/b; boundary=" b"',
    `a/b; boundary="${'b'.repeat(201)}"`,
    'a/b; boundary="b\xe9"',
    'a/b;; boundary=b',
  ]) {
    t.equal(readType(value), undefined, value)
  }
})

t.test('a single word that all readers know is the encoding', async (t) => {
  const of = (word: string) => encodingsOf([word], true, word.toLowerCase())
  t.same(of('Base64'), ['base64'])
  t.same(of('quoted-printable'), ['quoted-printable'])
  for (const word of ['7bit', '8BIT', 'binary']) t.same(of(word), ['identity'], word)
  t.same(encodingsOf([], true, 'base64'), ['identity'], 'none is named')
})

t.test('a single word for uuencode means uuencode, or content as it stands', async (t) => {
  for (const word of ['x-uuencode', 'x-uue', 'X-UUencode']) {
    const header = word.toLowerCase()
    t.same(encodingsOf([word], true, header), ['identity', 'uuencode'], word)
    const all = ['identity', 'base64', 'quoted-printable', 'uuencode']
    t.same(encodingsOf([word], false, header), all, `${word} in a field that readers differ about`)
    t.same(encodingsOf([`${word} `], true, header), all, `${word} with a blank behind it`)
    t.same(encodingsOf([word, '7bit'], true, header), all, `${word} and another field`)
  }
})

t.test(
  'without such a word, all encodings count that the header mentions; a word that nobody knows makes all count',
  async (t) => {
    const all = ['identity', 'base64', 'quoted-printable', 'uuencode']
    t.same(encodingsOf(['x-odd'], true, 'x-odd'), all)
    t.same(encodingsOf(['7bit', 'x-odd'], true, 'x'), all)
    for (const word of ['uuencode', 'uue']) t.same(encodingsOf([word], true, word), all, word)
    t.same(encodingsOf(['base64 '], false, 'base64 '), ['identity', 'base64'])
    t.same(encodingsOf([''], true, 'x'), ['identity'])
    const said = (text: string) => encodingsOf(['7bit', 'base64'], true, text)
    t.same(said('7bit'), ['identity'])
    for (const text of ['b64', 'b-6-4', 'x base64', '=?x?q?B=364?=']) {
      t.same(said(text), ['identity', 'base64'], text)
    }
    for (const text of ['quoted', 'printable']) t.same(said(text), ['identity', 'quoted-printable'])
    for (const text of ['x-uue', 'uu encode']) t.same(said(text), ['identity', 'uuencode'], text)
    t.same(said('base64 quoted uue'), all)
    t.same(encodingsOf([], false, 'base64'), ['identity', 'base64'])
  },
)

t.test('the longest boundary that is open is found behind the dashes, in any case', async (t) => {
  const boundaries = new Boundaries()
  const found = (text: string, from = 0) => boundaries.longestAt(Buffer.from(text, 'latin1'), from)
  t.equal(found('abc'), undefined, 'none is open')
  boundaries.learn(['abc', 'abcdef', 'x'])
  t.equal(found('abcdefg'), 'abcdef')
  t.equal(found('abcde'), 'abc')
  t.equal(found('ABC--'), 'abc')
  t.equal(found('--abc', 2), 'abc')
  t.equal(found(' \tabc'), 'abc')
  t.equal(found('ab'), undefined)
  t.equal(found('xyz'), 'x')
  t.equal(found('bc'), undefined)
  t.equal(found('  '), undefined)
  t.equal(found(''), undefined)
  boundaries.learn(['[z'])
  t.equal(found('[Z'), '[z')
  t.equal(found('{z'), undefined)
})

t.test('boundaries have a limit, and so have their lengths', async (t) => {
  const many = (count: number) => Array.from({ length: count }, (_, n) => `${n}`.padStart(9, '0'))
  const boundaries = new Boundaries()
  boundaries.learn(many(BOUNDARIES_MAX))
  boundaries.learn(many(BOUNDARIES_MAX))
  t.throws(() => boundaries.learn(['one more!']), {
    message: `more than ${BOUNDARIES_MAX} boundaries`,
  })
  const lengths = (count: number) => Array.from({ length: count }, (_, n) => 'b'.repeat(n + 1))
  new Boundaries().learn(lengths(BOUNDARY_LENGTHS_MAX))
  t.throws(() => new Boundaries().learn(lengths(BOUNDARY_LENGTHS_MAX + 1)), {
    message: `boundaries of more than ${BOUNDARY_LENGTHS_MAX} lengths`,
  })
})
