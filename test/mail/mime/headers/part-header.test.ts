import t from 'tap'
import { MimeLines } from '../../../../src/mail/mime/headers/fields.ts'
import {
  encodingsOf,
  NO_HEADER,
  type PartHeader,
  readPartHeader,
  readType,
} from '../../../../src/mail/mime/headers/part-header.ts'

/** What the header of a part says: its type, its encodings, and what they announce. */

const TYPE = 'Content-Type: '
const ENCODING = 'Content-Transfer-Encoding: '

/** What a header says, apart from its fields and what is odd in it. */
function read(
  text: string,
  form: { readonly isWhole?: boolean; readonly isOfPart?: boolean } = {},
): Omit<PartHeader, 'fields' | 'oddities'> {
  const lines = new MimeLines()
  for (const line of text.match(/[^\n]*\n/g) ?? []) lines.add(line, /^[ \t]/.test(line))
  const said = readPartHeader(lines, { isWhole: true, isOfPart: false, ...form })
  const { fields, oddities, ...header } = said
  return header
}

const { fields, oddities, ...plain } = NO_HEADER
const maybe = { multipart: 'maybe', isText: false }

t.test('a header says what it announces, surely or maybe', async (t) => {
  const rows: Readonly<Record<string, object>> = {
    '': {},
    'Subject: x\n': {},
    [`${TYPE}text/plain\n`]: { type: 'text/plain' },
    [`${TYPE}Text/HTML\n`]: { type: 'text/html' },
    [`${TYPE}text\n`]: { type: 'text', isText: false },
    [`${TYPE}text/plain\n${TYPE}text/plain\n`]: { type: 'text/plain', isText: false },
    [`${TYPE}text/plain; name=a\n`]: { type: 'text/plain', isText: false },
    [`${TYPE}text/html; charset=utf-8; name*=a\n`]: { type: 'text/html', isText: false },
    [`${TYPE}text/calendar\n`]: {
      ...{ type: 'text/calendar', isText: false, isCalendar: true },
    },
    [`${TYPE}a/b; name=A.VCF\n`]: { type: 'a/b', isText: false, isCalendar: true },
    [`${TYPE}text/plain; charset=UTF8\n`]: { type: 'text/plain' },
    [`${TYPE}text/plain; charset=ISO_8859-15\n`]: { type: 'text/plain', charsets: ['iso885915'] },
    'Content-Disposition: Inline;\n': { hasDisposition: true },
    'Content-Disposition: inline; filename=a\n': { isText: false, hasDisposition: true },
    'Content-Disposition: attachment\n': { isText: false, hasDisposition: true },
    'Content-Disposition: inline\nContent-Disposition: attachment\n': {
      isText: false,
      hasDisposition: true,
    },
    'Content-ID: <a>\n': {},
    'Content-Description: a\n': {},
    'Content-Location: a\n': {},
    [`${TYPE}text/plain; DelSp=yes\n`]: { type: 'text/plain', isFlowed: true },
    'X-Content-Type: text/plain\n': { isPlain: false, isText: false },
    'X-Content-Language: x\n': {},
    'a line about content\n': { isPlain: false, isText: false },
    [`${TYPE}multipart/mixed; boundary=Abc\n`]: {
      ...{ type: 'multipart/mixed', multipart: 'sure', isText: false },
      ...{ boundary: 'Abc', boundaries: ['abc'] },
    },
    [`${TYPE}multipart/digest;\n boundary="a-boundary"\n`]: {
      ...{ type: 'multipart/digest', multipart: 'sure', isText: false, isDigest: true },
      ...{ boundary: 'a-boundary', boundaries: ['a-boundary'] },
    },
    [`${TYPE}multipart/mixed; boundary=a\nX-Mime: boundary=b\n`]: {
      ...{ ...maybe, type: 'multipart/mixed', boundaries: ['a', 'b'] },
    },
    [`${TYPE}multipart/mixed; boundary=a(b)\n`]: {
      ...{ ...maybe, type: 'multipart/mixed', boundaries: ['a(b)', 'a'] },
    },
    [`${TYPE}multipart/mixed\n`]: { ...maybe, type: 'multipart/mixed' },
    'Content-Type (x): multipart/mixed; boundary=a\n': {
      ...{ ...maybe, type: 'multipart/mixed', isPlain: false, boundaries: ['a'] },
    },
    [`${TYPE}text/plain; boundary=a\n`]: {
      ...{ type: 'text/plain', multipart: 'maybe', boundary: 'a', boundaries: ['a'] },
    },
    [`${TYPE}mul(x)tipart/mixed\n`]: { ...maybe, type: 'mul(x)tipart/mixed' },
    [`${TYPE}message/rfc822\n`]: { type: 'message/rfc822', message: 'sure', isText: false },
    [`${TYPE}message/rfc822; x\n`]: { type: 'message/rfc822', message: 'maybe', isText: false },
    [`${TYPE}message (x) / rfc822\n`]: { type: 'message', message: 'maybe', isText: false },
    [`${TYPE}message(x)/rfc822\n`]: {
      ...{ type: 'message(x)/rfc822', message: 'maybe', isText: false },
    },
    [`${TYPE}message\n`]: { type: 'message', message: 'maybe', isText: false },
    [`${TYPE}text/plain; x=message\n`]: { type: 'text/plain' },
    [`${ENCODING}base64\n`]: { encodings: ['base64'] },
    [`${ENCODING}base64 \n`]: { encodings: ['identity', 'base64'] },
    [`${ENCODING}x\n`]: {},
    [`${ENCODING}base(x)64\n`]: { encodings: ['identity', 'base64'] },
    [`${TYPE}application/pkcs7-mime\n`]: {
      ...{ type: 'application/pkcs7-mime', isText: false, isContainer: true },
    },
    'Content-Disposition: attachment; filename=a.ASC\n': {
      isText: false,
      hasDisposition: true,
      isContainer: true,
    },
    [`${TYPE}message/rfc822\n${ENCODING}base64\n`]: {
      ...{ type: 'message/rfc822', message: 'sure', isText: false },
      ...{ encodings: ['identity', 'base64'] },
    },
    [`${TYPE}multipart/mixed\n${ENCODING}base64\n`]: {
      ...{ ...maybe, type: 'multipart/mixed', encodings: ['identity', 'base64'] },
    },
  }
  for (const [text, expected] of Object.entries(rows)) {
    t.same(read(text), { ...plain, ...expected }, JSON.stringify(text))
  }
})

t.test('a header that some readers cut or read otherwise announces nothing surely', async (t) => {
  const multipart = `${TYPE}multipart/mixed; boundary=a\n`
  const unsure = { ...plain, ...maybe, type: 'multipart/mixed', isPlain: false, boundaries: ['a'] }
  t.same(read(multipart, { isWhole: false }), unsure)
  t.same(read(`X: \0\n${multipart}`), unsure)
  t.same(read(`X: a\rb\n${multipart}`), unsure)
  t.same(read('', { isWhole: false }), { ...plain, isPlain: false, isText: false })
})

t.test('a part without a type may be a file, and is no text of the mail', async (t) => {
  t.same(read('', { isOfPart: true }), { ...plain, isText: false })
  t.equal(read('Content-Language: x\n', { isOfPart: true }).isText, false)
  t.equal(read(`${TYPE}text/plain\n`, { isOfPart: true }).isText, true)
})

t.test('a field behind a line end in an encoded word counts', async (t) => {
  const header = read('Subject: =?utf-8?q?x=0AContent-Type:_a/b?=\n')
  t.equal(header.isPlain, false)
  t.equal(header.type, 'a/b')
})

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
