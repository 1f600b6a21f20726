import t from 'tap'
import { MimeLines } from '../../../../src/mail/mime/headers/mime-lines.ts'
import {
  NO_HEADER,
  type PartHeader,
  readPartHeader,
} from '../../../../src/mail/mime/headers/part-header.ts'

/** What the header of a part declares: its type, its encodings, and what they announce. */

const TYPE = 'Content-Type: '
const ENCODING = 'Content-Transfer-Encoding: '

/** What a header declares, apart from its fields and what is odd in it. */
function read(
  text: string,
  form: { readonly isWellFormed?: boolean; readonly isOfPart?: boolean } = {},
): Omit<PartHeader, 'fields' | 'oddities'> {
  const lines = new MimeLines()
  for (const line of text.match(/[^\n]*\n/g) ?? []) lines.add(line, /^[ \t]/.test(line))
  const parsed = readPartHeader(lines.read(), { isWellFormed: true, isOfPart: false, ...form })
  const { fields, oddities, ...header } = parsed
  return header
}

const { fields, oddities, ...plain } = NO_HEADER
const FILE = { isShown: false }
const maybe = { ...FILE, isMultipart: true, isUnambiguous: false }

t.test('a header announces its content, surely or maybe', async (t) => {
  const rows: Readonly<Record<string, object>> = {
    '': {},
    'Subject: x\n': {},
    [`${TYPE}text/plain\n`]: { type: 'text/plain' },
    [`${TYPE}Text/HTML\n`]: { type: 'text/html' },
    [`${TYPE}text\n`]: { type: 'text', ...FILE },
    [`${TYPE}text/plain\n${TYPE}text/plain\n`]: { type: 'text/plain', ...FILE },
    [`${TYPE}text/plain; name=a\n`]: { type: 'text/plain', ...FILE },
    [`${TYPE}text/html; charset=utf-8; name*=a\n`]: { type: 'text/html', ...FILE },
    [`${TYPE}text/calendar\n`]: {
      ...{ type: 'text/calendar', ...FILE, declared: new Set(['calendar']) },
    },
    [`${TYPE}a/b; name=A.VCF\n`]: { type: 'a/b', ...FILE, declared: new Set(['calendar']) },
    [`${TYPE}text/plain; charset=UTF8\n`]: { type: 'text/plain' },
    [`${TYPE}text/plain; charset=ISO_8859-15\n`]: { type: 'text/plain', charsets: ['iso885915'] },
    'Content-Disposition: Inline;\n': {},
    'Content-Disposition: inline; filename=a\n': { ...FILE },
    'Content-Disposition: attachment\n': { ...FILE },
    'Content-Disposition: inline\nContent-Disposition: attachment\n': { ...FILE },
    'Content-ID: <a>\n': {},
    'Content-Description: a\n': {},
    'Content-Location: a\n': {},
    [`${TYPE}text/plain; DelSp=yes\n`]: { type: 'text/plain', declared: new Set(['delsp']) },
    'X-Content-Type: text/plain\n': { isUnambiguous: false, ...FILE },
    'X-Content-Language: x\n': {},
    'a line about content\n': { isUnambiguous: false, ...FILE },
    [`${TYPE}multipart/mixed; boundary=Abc\n`]: {
      ...{ type: 'multipart/mixed', isMultipart: true, ...FILE },
      ...{ boundary: 'Abc', hasBoundary: true },
    },
    [`${TYPE}multipart/digest;\n boundary="a-boundary"\n`]: {
      ...{ type: 'multipart/digest', isMultipart: true, ...FILE, declared: new Set(['digest']) },
      ...{ boundary: 'a-boundary', hasBoundary: true },
    },
    [`${TYPE}multipart/mixed; boundary=a\nX-Mime: boundary=b\n`]: {
      ...{ ...maybe, type: 'multipart/mixed', hasBoundary: true },
    },
    [`${TYPE}multipart/mixed; boundary=a(b)\n`]: {
      ...{ ...maybe, type: 'multipart/mixed', hasBoundary: true },
    },
    [`${TYPE}multipart/mixed\n`]: { ...maybe, type: 'multipart/mixed' },
    'Content-Type (x): multipart/mixed; boundary=a\n': {
      ...{ ...maybe, type: 'multipart/mixed', isUnambiguous: false, hasBoundary: true },
    },
    [`${TYPE}text/plain; boundary=a\n`]: {
      ...{ type: 'text/plain', isMultipart: true, isUnambiguous: false, hasBoundary: true },
    },
    [`${TYPE}mul(x)tipart/mixed\n`]: { ...maybe, type: 'mul(x)tipart/mixed' },
    [`${TYPE}message/rfc822\n`]: { type: 'message/rfc822', isMessage: true, ...FILE },
    [`${TYPE}message/rfc822; x\n`]: {
      type: 'message/rfc822',
      isMessage: true,
      isUnambiguous: false,
      ...FILE,
    },
    [`${TYPE}message (x) / rfc822\n`]: {
      type: 'message',
      isMessage: true,
      isUnambiguous: false,
      ...FILE,
    },
    [`${TYPE}message(x)/rfc822\n`]: {
      ...{ type: 'message(x)/rfc822', isMessage: true, isUnambiguous: false, ...FILE },
    },
    [`${TYPE}message\n`]: { type: 'message', isMessage: true, isUnambiguous: false, ...FILE },
    [`${TYPE}text/plain; x=message\n`]: { type: 'text/plain' },
    [`${ENCODING}base64\n`]: { encodings: ['base64'] },
    [`${ENCODING}base64 \n`]: { encodings: ['identity', 'base64'] },
    [`${ENCODING}x\n`]: {},
    [`${ENCODING}base(x)64\n`]: { encodings: ['identity', 'base64'] },
    [`${TYPE}application/pkcs7-mime\n`]: {
      ...{ type: 'application/pkcs7-mime', ...FILE, declared: new Set(['smime']) },
    },
    'Content-Disposition: attachment; filename=a.ASC\n': {
      ...FILE,
      declared: new Set(['openpgp']),
    },
    [`${TYPE}message/rfc822\n${ENCODING}base64\n`]: {
      ...{ type: 'message/rfc822', isMessage: true, ...FILE },
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

t.test('the field of the type makes a multipart sure, whatever else is there', async (t) => {
  const field = `${TYPE}multipart/mixed; boundary=a\n`
  const type = { ...plain, ...FILE, type: 'multipart/mixed', isUnambiguous: false }
  const sure = { ...type, isMultipart: true, boundary: 'a', hasBoundary: true }
  t.same(read(field, { isWellFormed: false }), sure)
  t.same(read(`X: \0\n${field}`), sure)
  t.same(read(`X: a\rb\n${field}`), sure)
  t.same(read(`no field\n${field}X_Content: a\n`), sure)
  const others = ['no field\n', ' x\n', 'X-Content-Type: a/b\n', field]
  for (const other of others)
    t.equal(read(field + other, { isWellFormed: false }).boundary, undefined, JSON.stringify(other))
  t.same(read('', { isWellFormed: false }), { ...plain, isUnambiguous: false, ...FILE })
})

t.test('a header is split into fields with their folds', async (t) => {
  const lines = new MimeLines()
  for (const line of [
    'MIME-Ab: c\r\n',
    ' d\r\n',
    '\te\r\n',
    'MIME-F:g\n',
    'no field\n',
    ':x\n',
    'MIME-H :',
  ]) {
    lines.add(line, /^[ \t]/.test(line))
  }
  t.same(readPartHeader(lines.read(), { isWellFormed: true, isOfPart: false }).fields, [
    { name: 'mime-ab', value: ' c\r\n d\r\n\te\r\n' },
    { name: 'mime-f', value: 'g\n' },
    { name: '', value: 'no field\n' },
    { name: '', value: ':x\n' },
    { name: 'mime-h ', value: '' },
  ])
  const folded = new MimeLines()
  folded.add('a\n', false)
  folded.add(' mime: c\n', true)
  const [field] = readPartHeader(folded.read(), { isWellFormed: true, isOfPart: false }).fields
  t.same(field, { name: '', value: 'a\n mime: c\n' }, 'a name has no fold')
})

t.test('a part without a type may be a file, and is not text of the mail', async (t) => {
  t.same(read('', { isOfPart: true }), { ...plain, ...FILE })
  t.notOk(read('Content-Language: x\n', { isOfPart: true }).isShown)
  t.ok(read(`${TYPE}text/plain\n`, { isOfPart: true }).isShown)
})

t.test('a field after a line end in an encoded word counts', async (t) => {
  const header = read('Subject: =?utf-8?q?x=0AContent-Type:_a/b?=\n')
  t.equal(header.isUnambiguous, false)
  t.equal(header.type, 'a/b')
})

t.test('a type is read strictly only if no reader can read another type', async (t) => {
  const texts = ['charset=utf-8; format=flowed; DelSp=yes', 'reply-type=original', 'markup=x']
  for (const value of [
    ...['text/plain', 'Text/HTML', 'text/enriched', 'text/plain;'],
    ...texts.map((text) => `text/plain; ${text}`),
  ]) {
    t.ok(read(`${TYPE}${value}\n`).isShown, value)
  }
  for (const value of [
    ...['text/plain; name=a.exe', 'text/plain; charset=x; name=y', 'text/html; NAME*0=y'],
    ...['text/plainer', 'text/calendar', 'text/x-vcard', 'application/xhtml+xml'],
    ...['', 'text', 'text/plain x', 'text/plain; x', 'text/plain; a=b c', 'text/plain; a="b'],
    ...['text/plain; a="b\\"c"', 'text/plain; a=b; A=c', 'text/plain;; a=b'],
  ]) {
    t.notOk(read(`${TYPE}${value}\n`).isShown, value)
  }
  const boundaries: Readonly<Record<string, string>> = {
    'multipart/mixed; boundary=b': 'b',
    'multipart/mixed ;\tBoundary = "b=c" ;': 'b=c',
    [`multipart/a; boundary="${'b'.repeat(70)}"`]: 'b'.repeat(70),
  }
  for (const [value, boundary] of Object.entries(boundaries)) {
    t.equal(read(`${TYPE}${value}\n`).boundary, boundary, value)
  }
  for (const value of [
    ...['boundary=""', 'boundary="b "', 'boundary=" b"', '; boundary=b', 'boundary="b c"'],
    ...["boundary=''", 'boundary=b=c', 'boundary="<b>"', 'boundary="b(c)"', 'boundary="b\xe9"'],
    ...[`boundary="${'b'.repeat(71)}"`, 'boundary=b; boundary=c', 'boundary*=b'],
  ]) {
    t.equal(read(`${TYPE}multipart/mixed; ${value}\n`).boundary, undefined, value)
  }
})

t.test('an encoding is a word that all readers know, or all that is mentioned', async (t) => {
  const encodingsOf = (...values: string[]) =>
    read(values.map((value) => `${ENCODING}${value}\n`).join('')).encodings
  const rows: Readonly<Record<string, string>> = {
    ...{ Base64: 'base64', 'quoted-printable': 'quoted-printable' },
    ...{ '7bit': 'identity', '8BIT': 'identity', binary: 'identity' },
    // Words for uuencode mean uuencode, or content as it stands.
    ...{ 'x-uuencode': 'identity uuencode', 'X-UUE': 'identity uuencode' },
    ...{ uuencode: 'identity uuencode', uue: 'identity uuencode', 'X-UU': 'identity uuencode' },
    ...{ 'x-uue ': 'identity uuencode', 'uu encode': 'identity uuencode' },
    // Words that nobody knows, and what readers see in them.
    ...{ '': 'identity', 'x-odd': 'identity', x: 'identity' },
    ...{ 'base64 ': 'identity base64', 'x-odd base64': 'identity base64' },
    ...{ 'b-6-4': 'identity base64', '=?x?q?B=364?=': 'identity base64', B: 'identity base64' },
    ...{ quoted: 'identity quoted-printable', printable: 'identity quoted-printable' },
    ...{ q: 'identity quoted-printable', QP: 'identity quoted-printable' },
    'base64 quoted uue': 'identity base64 quoted-printable uuencode',
  }
  for (const [value, expected] of Object.entries(rows)) {
    t.equal(encodingsOf(value).join(' '), expected, value)
  }
  t.same(encodingsOf(), ['identity'], 'none is named')
  t.same(encodingsOf('7bit', 'x-odd'), ['identity'])
  t.same(encodingsOf('7bit', 'base64'), ['identity', 'base64'])
  t.same(encodingsOf('x-uue', '7bit'), ['identity', 'uuencode'])
  const unsure = (line: string) => read(`X: \0\n${line}\n`).encodings
  t.same(unsure(`${ENCODING}x-uuencode`), ['identity', 'uuencode'])
  t.same(unsure(`${ENCODING}base64`), ['identity', 'base64'])
  t.same(unsure('X-Content: base64'), ['identity', 'base64'], 'in any field about content')
  t.same(read('X-Content: base64\n').encodings, ['identity'])
})

t.test('a cached header has the same result, for the same kind of header alone', async (t) => {
  const texts = ['', `${TYPE}text/html; charset=latin1\n`, `${TYPE}text/plain; format=flowed\n`]
  const kinds = [
    { isWellFormed: true, isOfPart: false },
    { isWellFormed: true, isOfPart: true },
    { isWellFormed: false, isOfPart: false },
    { isWellFormed: false, isOfPart: true },
  ]
  for (const text of [...texts, `${TYPE}a/b; name=a\n`, 'Content-Location: a\n']) {
    const first = kinds.map((kind) => read(text, kind))
    const again = kinds.toReversed().map((kind) => read(text, kind))
    t.same(again, first.toReversed(), text)
  }
  const anew = (kind: object) => read('Content-Location: b\n', kind).isShown
  const untyped = kinds.map(anew)
  t.same(untyped, [true, false, false, false])
  t.same(kinds.map(anew), untyped)
})

t.test('a short header is read once', async (t) => {
  const header = (text: string) => {
    const lines = new MimeLines()
    lines.add(text, false)
    return readPartHeader(lines.read(), { isWellFormed: true, isOfPart: true })
  }
  const again = (text: string) => {
    const first = header(text)
    return header(text) === first
  }
  t.ok(again(`${TYPE}text/plain; charset=utf-8\n`))
  t.ok(again(`${TYPE}multipart/mixed; boundary=b\n`))
  t.notOk(again(`${TYPE}text/plain; x=${'x'.repeat(512)}\n`))
})
