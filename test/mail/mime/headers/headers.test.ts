import t from 'tap'
import { encodingsOf } from '../../../../src/mail/mime/headers/encodings.ts'
import { readType } from '../../../../src/mail/mime/headers/part-header.ts'

/** What the header of a part says: its type, and its encodings. */

t.test('a type is read strictly only if no reader can read another type', async (t) => {
  const shown = { boundary: undefined, isText: true }
  t.same(readType('text/plain'), { type: 'text/plain', ...shown })
  t.same(readType('Text/HTML'), { type: 'text/html', ...shown })
  t.same(readType('text/enriched'), { type: 'text/enriched', ...shown })
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
  t.equal(readType('text/html; NAME*0=y')?.isText, false)
  for (const type of ['text/plainer', 'text/calendar', 'text/x-vcard', 'application/xhtml+xml']) {
    t.equal(readType(type)?.isText, false, type)
  }
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

t.test('a word for uuencode means uuencode, or content as it stands', async (t) => {
  const both = ['identity', 'uuencode']
  for (const word of ['x-uuencode', 'x-uue', 'X-UUencode', 'uuencode', 'uue']) {
    const header = word.toLowerCase()
    t.same(encodingsOf([word], true, header), both, word)
    t.same(encodingsOf([word], false, header), both, `${word} in a field that readers differ about`)
    t.same(encodingsOf([`${word} `], true, header), both, `${word} with a blank behind it`)
    t.same(encodingsOf([word, '7bit'], true, header), both, `${word} and another field`)
  }
})

t.test('under a word that nobody knows, the content stands as it is', async (t) => {
  t.same(encodingsOf(['x-odd'], true, 'x-odd'), ['identity'])
  t.same(encodingsOf(['7bit', 'x-odd'], true, 'x'), ['identity'])
  t.same(encodingsOf([''], true, 'x'), ['identity'])
})

t.test('without a word that all readers know, all that the header mentions counts', async (t) => {
  t.same(encodingsOf(['base64 '], false, 'base64 '), ['identity', 'base64'])
  t.same(encodingsOf(['x-odd'], true, 'x-odd base64'), ['identity', 'base64'])
  const said = (text: string) => encodingsOf(['7bit', 'base64'], true, text)
  t.same(said('7bit'), ['identity'])
  for (const text of ['b64', 'b-6-4', 'x base64', '=?x?q?B=364?=']) {
    t.same(said(text), ['identity', 'base64'], text)
  }
  for (const text of ['quoted', 'printable']) t.same(said(text), ['identity', 'quoted-printable'])
  for (const text of ['x-uue', 'uu encode']) t.same(said(text), ['identity', 'uuencode'], text)
  t.same(said('base64 quoted uue'), ['identity', 'base64', 'quoted-printable', 'uuencode'])
  t.same(encodingsOf([], false, 'base64'), ['identity', 'base64'])
})
