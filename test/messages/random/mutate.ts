import { createRandom, type Random } from '../../run/random.ts'
import { cut, yencode } from '../../scanner/scan/scanners/evasions/compose.ts'
import { binaryFile, testFile, textFile, zip } from '../../scanner/scan/scanners/evasions/files.ts'
import {
  asMail,
  attached,
  type Encoding,
  encode,
  filePart,
  type Leaf,
  type Mail,
  type Multipart,
  multipart,
  type Part,
  partsOf,
  render,
  resetBoundaries,
  textPart,
} from './model.ts'

/** A message that carries a file, and how it came about. */
export interface Mutant {
  readonly message: Buffer
  /** Names of what was done to it, in order. */
  readonly changes: readonly string[]
}

interface Change {
  readonly name: string
  readonly seed: number
}

/** The mail of a seed. With `only`, of its changes those of these indexes alone. */
export function mutant(seed: number, only?: readonly number[]): Mutant {
  const random = createRandom(seed)
  resetBoundaries()
  const mail: Mail = { root: asMail(random.pick(shapes)(random)), afterwards: [] }
  const count = 1 + random.below(3) + (random.once(8) ? random.below(3) : 0)
  const planned: Change[] = []
  for (let at = 0; at < count; at++) {
    planned.push({ name: random.pick(names), seed: random.below(2 ** 31) })
  }
  // Two changes of one kind may be two differences that one program reads differently.
  if (random.once(10)) planned.push({ ...planned[0]!, seed: random.below(2 ** 31) })
  const changes = planned.filter((_, at) => only === undefined || only.includes(at))
  for (const change of changes) kinds[change.name]!(mail, createRandom(change.seed))
  return { message: render(mail), changes: changes.map(({ name }) => name) }
}

const encodings: readonly Encoding[] = [
  'base64',
  'base64',
  'base64',
  'quoted-printable',
  'uuencode',
]

/** Found by a signature wherever it stands, only by who opens archives, only by its digest. */
const files: readonly Buffer[] = [testFile, testFile, testFile, zip, zip, binaryFile, textFile]

function file(random: Random): Part {
  const content = random.pick(files)
  const asItStands = content === textFile && random.once(2)
  return filePart(content.toString('latin1'), asItStands ? '8bit' : random.pick(encodings))
}

const text = () => textPart()

const shapes: readonly ((random: Random) => Part)[] = [
  (random) => multipart('mixed', [text(), file(random)]),
  (random) => multipart('mixed', [text(), file(random)]),
  (random) => multipart('mixed', [file(random), text()]),
  (random) => file(random),
  (random) =>
    multipart('mixed', [multipart('alternative', [text(), textPart('html')]), file(random)]),
  (random) => multipart('related', [textPart('html'), file(random)]),
  (random) => multipart('mixed', [text(), attached(asMail(file(random)))]),
  (random) => attached(asMail(multipart('mixed', [text(), file(random)]))),
  (random) =>
    multipart('mixed', [text(), attached(asMail(multipart('mixed', [text(), file(random)])))]),
  (random) => multipart('signed', [multipart('mixed', [text(), file(random)]), textPart()]),
  (random) => multipart('report', [text(), attached(asMail(file(random)))]),
  (random) => multipart('mixed', [multipart('mixed', [text(), file(random)]), text()]),
]

function fileOf(mail: Mail): Part & { body: Leaf } {
  const found = partsOf(mail.root).find(({ body }) => body.kind === 'leaf' && body.isFile)
  return found as Part & { body: Leaf }
}

/** The part with the file, or one around it. */
function partOnTheWay(mail: Mail, random: Random): Part {
  const way = partsOf(mail.root).filter((part) => partsOf(part).includes(fileOf(mail)))
  return random.pick(way)
}

function anyMultipart(mail: Mail, random: Random): Multipart | undefined {
  const all = partsOf(mail.root).flatMap(({ body }) => (body.kind === 'multipart' ? [body] : []))
  return all.length > 0 ? random.pick(all) : undefined
}

function mimeFieldAt(part: Part, random: Random): number {
  const found = part.fields.flatMap((field, at) => (/^content-/i.test(field) ? [at] : []))
  return found.length > 0 ? random.pick(found) : 0
}

function changeMimeField(mail: Mail, random: Random, change: (field: string) => string): void {
  const part = partOnTheWay(mail, random)
  const at = mimeFieldAt(part, random)
  if (part.fields[at] !== undefined) part.fields[at] = change(part.fields[at])
}

const insert = (into: string, at: number, what: string) => into.slice(0, at) + what + into.slice(at)

/** Puts lines somewhere among these. */
function putAmong(lines: string[], random: Random, ...what: readonly string[]): void {
  lines.splice(random.below(lines.length + 1), 0, ...what)
}

/** Takes the part with its fields about content out of another, which keeps those of a message. */
function takeInside(part: Part): Part {
  const isContent = (field: string) => /^content-/i.test(field)
  const inside = { ...part, fields: part.fields.filter(isContent) }
  part.fields = part.fields.filter((field) => !isContent(field))
  part.gap = '\n'
  return inside
}

/**
 * A text in a form: `%` stands for it, `%1` and `%2` for its first four characters and the others, `%U` for
 * capitals, `%<` and `%>` for all but the last and the first character.
 */
function inForm(form: string, text: string): string {
  const pieces: Readonly<Record<string, string>> = {
    '%': text,
    '%1': text.slice(0, 4),
    '%2': text.slice(4),
    '%U': text.toUpperCase(),
    '%<': text.slice(0, -1),
    '%>': text.slice(1),
  }
  return form.replace(/%[12U<>]?/g, (piece) => pieces[piece]!)
}

/** What is put into fields, where nobody expects it. */
const oddSigns = [
  ...[' ', '  ', '\t', '\0', '\r', '\x0b', '\xa0', '(c)', '(c) ', '"', '\\', ';', ':', ' :', ','],
  ...['=', '_', 'x', '', '\n', '\n ', '\n\t', '\r\n ', '\n  \n '],
]

const oddLines = [
  ...['', ' ', '  ', '\t', '\f', '\v', '\0', '\r', ' \r', '\x1f', '\xa0', 'begin 644 x'],
  ...['begin 0644 x', 'begin 644', 'From x@example.org Mon Jun  1 10:00:00 2026', '>From x', '--'],
  ...['--x', 'word', 'two words', ':', ': x', 'a b: c', '(c): x', 'X: \0', '=', '.', '--\n'],
  ...['Content-Type', 'x:y', '\x1b: x', `X-Long: ${'x'.repeat(9000)}`, 'Content-Foo: bar;'],
  ...['X-Quote: "', 'Subject: a "b;', 'X\xe4: y', '\ufeff', ' Content-Type: text/plain', '\tx'],
  ...['boundary=x', '{', 'end', '-', '---'],
]

const otherMimeFields = [
  ...['Content-Type: text/plain', 'Content-Type: multipart/mixed; boundary=zz', 'Content-Type:'],
  ...['Content-Type: ;', 'Content-Type: text', 'Content-Type: text/html; charset="x'],
  ...['Content-Type: x/y', 'Content-Transfer-Encoding:', 'Content-Transfer-Encoding: 7bit'],
  ...['Content-Transfer-Encoding: 8bit', 'Content-Transfer-Encoding: quoted-printable'],
  ...['Content-Transfer-Encoding: base64', 'Content-Transfer-Encoding: x-uuencode'],
  ...['Content-Transfer-Encoding: x', 'Content-Disposition:', 'Content-Disposition: inline;'],
  ...['Content-Disposition: attachment; filename="x', 'Content-Type: message/rfc822'],
  ...['Content-Disposition: inline; filename="12\\" x.pdf"', 'Content-ID: <x>'],
  ...['Content-Description: "x', 'Content-Disposition: inline', 'Content-Type: multipart/mixed'],
  ...['Content-Encoding: gzip', 'Content-Type: message/partial; id=1; number=1; total=2'],
  ...['Content-Location: x;', 'MIME-Version: 2.0', 'Content-Type: application/applefile'],
  ...['Content-Type: text/rfc822-headers'],
]
const subtypes = [
  ...['parallel', 'signed', 'encrypted', 'digest', 'report', 'alternative', 'related', 'mixed'],
  ...['form-data', 'byteranges', 'appledouble', 'x-mixed-replace', 'foo', 'MIXED', 'header-set'],
  ...['voice-message', 'x', '', 'mixed ', 'fax-message', 'rfc822', 'knowbot', 'multilingual'],
  ...['skeleton', 'partial'],
]
const types = [
  ...['text/plain', 'text/html', 'text', 'application', 'application/ms-tnef', 'message/rfc822'],
  ...['message/global', 'message/news', 'message/partial', 'message/external-body', 'message/http'],
  ...['message/delivery-status', 'message/disposition-notification', 'message/x'],
  ...['message/feedback-report', 'multipart/mixed', 'image/png', 'application/applefile'],
  ...['audio/x', 'x/y', 'text/rfc822-headers', 'application/pgp-signature', 'message/s-http'],
  ...['application/pgp-encrypted', 'text/calendar', 'application/mac-binhex40', 'multipart/signed'],
  ...['message/', 'application/pkcs7-mime', 'text/x-yenc', 'application/x-uuencode', 'message/sip'],
  ...['message/tracking-status'],
]
const encodingValues = [
  ...['base64;', 'base64 ', ' base64', 'base64 x', '"base64"', 'BASE64', 'Base64', 'base-64'],
  ...['x-base64', 'b', '(c) base64', 'base64 (c)', 'base64, 7bit', '7bit, base64', 'base64\0'],
  ...['7bit', '8bit', 'binary', '', ';', 'quoted-printable', 'quoted-printable;', 'x-uuencode'],
  ...['uuencode', 'x-uue', 'x-uu', 'x-yencode', 'bas\n e64', 'base64\n', '\n base64', 'base64;x=y'],
  ...['base64:', 'mac-binhex40', 'x-gzip64', '=?us-ascii?q?base64?=', 'unknown', 'base64\t'],
  ...['\tbase64', "'base64'", 'base64.', 'ba(c)se64', 'base64=', '<base64>', 'base64\x0b', 'none'],
]

/** What decoders take for different things, or drop. */
const dataCharacters: readonly string[] = [
  ...['=', '==', '-', '_', '+', '/', ',', '.', '*', '!', '~', '`', "'", '"', '(', ')', '&', '%'],
  ...[' ', '\t', '\0', '\r', '\n', '\r\n', '\v', '\f', '\x1a', '\x7f', '\n ', ' \n', '\n\n'],
  ...['\x80', '\xa0', '\xc1', '\xd1', '\xff', '\xc3\xa9', '\xc5\x98', '\xe2\x80\x8b'],
  ...['\xef\xbb\xbf', 'A', 'AA', 'AAAA', '=A', '=3', '=\n', '= \n', '=0D', '=0A', '=3D', '=20'],
  ...['=\r\n', 'a', 'M'],
]

const beginLines: readonly string[] = [
  ...['begin 644 x', 'begin 0644 x', 'begin 644', 'begin 644 ', 'begin  644 x', 'begin\t644 x'],
  ...['begin', 'BEGIN 644 x', 'begin 6 x', 'begin 644 a b', 'begin 99999 x', ' begin 644 x'],
  ...['begin x', 'begin 644 x\r', 'begin 888 x', 'begin 644 "x"', 'begin 644 x ', '> begin 644 x'],
  ...['begin 644\tx'],
]
const uuencodeEnds = ['', 'end\n', '`\n', ' \nend\n', 'END\n', '\n\nend', '\nend\n']

/** What stands for the end of a line of encoded data. */
const oddEnds: readonly string[] = [
  ...['\n\n', '\n\r', '\n ', '\n\t', '\r', '\r\n', '\r\r\n', ' \n', '\t\n', ' \r\n', '\0\n'],
  ...['\x0b\n', '!\n', '=\n', '==\n', '=20\n', 'x\n'],
]

const fronts: readonly string[] = [
  ...['Content', 'Content\n', 'Content-Type: x\n', 'filename=\n', 'base64\n', 'begin 644 x\n'],
  ...['=\n', '====\n', ' \n', '\t', '\0', '\n\n', '\xef\xbb\xbf', '>', '> ', '--\n', '-- \n'],
  ...['x: y\n', 'data:application/zip;base64,', '-----BEGIN X-----\n'],
  ...['=ybegin line=128 size=1 name=x\n', 'A', 'AA==', 'AAAA', 'AAA=\n', 'QQ==\n', '!', '\n'],
  ...['text here\n\n', 'TVqQAAMAAAAEAAAA\n', '=\n'],
]
const backs: readonly string[] = [
  ...['=', '==', '====', 'A', 'AA==', 'AAAA', 'QUJD\n', '!', '\n=', '\n\n', 'x\n', 'footer text\n'],
  ...['____\nlist footer\n', 'begin 644 x\n', '-- \nme\n'],
]

const boundaryForms: readonly string[] = [
  ...['boundary=%', "boundary='%'", 'boundary = "%"', 'boundary="% "', 'boundary=" %"'],
  ...['boundary="%" x', 'BOUNDARY="%"', 'boundary="%', 'boundary="\\%"', 'boundary*="%"'],
  ...['boundary="%\t"', 'boundary="%U"', 'boundary*0="%1"; boundary*1="%2"'],
  ...["boundary*=us-ascii'en'%", 'boundary="%"; boundary="zz"', 'boundary="zz"; boundary="%"'],
  ...['(c) boundary="%"', 'boundary="%" (c)', 'boundary="%";', 'x="; boundary=zz"; boundary="%"'],
  ...['; boundary="%"', 'boundary="%\n "', 'boundary="%1\n %2"', 'x=y boundary="%"'],
  ...['boundary="%"; charset=x', 'boundary=\n "%"', 'boundary="%\0"', 'boundary="%1"%2'],
  ...['boundary==?us-ascii?q?%?=', 'bound\nary="%"', 'boundary:"%"', 'boundary="%"boundary="zz"'],
  ...[`type="${'x'.repeat(3000)}"; boundary="%"`, 'boundary=<%>', 'boundary="%\\"'],
]

/** Of a multipart; its own, or that of the outermost, is in them. */
const otherBoundaries: readonly string[] = [
  ...['', ' ', '-', '--', 'a', '%--', '%x', '%--x', '%<', '%', '%U', '% ', 'a b', 'a  b', '=', '"'],
  ...['a"b', 'a\\b', "a'b", '(a)', 'a;b', '--a', '\xe4', 'begin 644 x', 'From', ' a', 'a:b', '\0'],
  ...['----a', '0'],
  ...['Content-Type: x', ...[70, 71, 300, 2000].map((length) => 'x'.repeat(length))],
]

const delimiterForms: readonly string[] = [
  ...['% ', '%\t', '%x', '% x', ' %', '%-', '%--', '-%', '%>', '%U', '%\r', '%\0', '\0%', '%\r\r'],
  ...['\r%', 'x%', '%\x0b', '>%', '%\n%', '%--\n%', '% --', '%--x', '%1\0%2', '%<', '%=', '\n%'],
  ...['\n\n%', '\x0c%', ''],
]

/** Lines that are similar to a delimiter, without a character of base64 that it does not have. */
const similarForms: readonly string[] = [
  ...[
    '%;',
    '% ;',
    '%-',
    '%--;',
    '%.',
    '%',
    '% ',
    '%\t',
    ' %',
    '%\0',
    '-\0%>',
    '%U',
    '%1\0%2',
    '%\r',
  ],
]

const kinds: Readonly<Record<string, (mail: Mail, random: Random) => void>> = {
  'odd lines among the fields'(mail, random) {
    const count = random.once(2) ? 1 : 2 + random.below(5)
    const row = Array.from({ length: count }, () => random.pick(oddLines))
    putAmong(partOnTheWay(mail, random).fields, random, ...row)
  },
  'another MIME field'(mail, random) {
    putAmong(partOnTheWay(mail, random).fields, random, random.pick(otherMimeFields))
  },
  'a MIME field twice'(mail, random) {
    const { fields } = partOnTheWay(mail, random)
    putAmong(fields, random, random.pick(fields))
  },
  'fields in another order'(mail, random) {
    const { fields } = partOnTheWay(mail, random)
    putAmong(fields, random, ...fields.splice(random.below(fields.length), 1))
  },
  'a field less'(mail, random) {
    const { fields } = partOnTheWay(mail, random)
    fields.splice(random.below(fields.length), 1)
  },
  'something in the name of a MIME field'(mail, random) {
    changeMimeField(mail, random, (field) => {
      const colon = field.indexOf(':')
      return insert(field, random.pick([0, 7, 8, colon, colon, colon]), random.pick(oddSigns))
    })
  },
  'the name of a MIME field in other letters'(mail, random) {
    changeMimeField(mail, random, (field) => {
      const name = field.slice(0, field.indexOf(':'))
      const [content = '', ...rest] = name.split('-')
      const other = random.pick([
        ...[name.toUpperCase(), name.toLowerCase(), `X-${name}`, name.slice(1)],
        ...['_', '--', 's-', ''].map((between) => content + between + rest.join('-')),
      ])
      return other + field.slice(name.length)
    })
  },
  'something behind a MIME field'(mail, random) {
    const what = random.pick([
      ...[';', '; ', ';;', ' ;', '"', '\\', '; x', '; x=', '; x="', '; x="a\\"b"', '; =y', ' (c)'],
      ...[' (', '\r', '\r\r', '\n ', '\n\t', ' \n x', '; x*=a', '; boundary=zz', '; boundary="zz"'],
      ...['; boundary=', '; charset="', ',', ' x', '; x=y; x=z', '\x0b', '\x0c', '\0', '\x85'],
      ...['\x1e', "; x='", '; name="a;b"', '; filename="a\nb"', '; name=a b'],
      ...['; name*0="a"; name*1="b"', '; filename="="', '; boundary*0=z; boundary*1=z'],
      ...["; boundary*=us-ascii''zz"],
    ])
    changeMimeField(mail, random, (field) => field + what)
  },
  'something before the value of a MIME field'(mail, random) {
    const what = random.pick(oddSigns)
    changeMimeField(mail, random, (field) => field.replace(/: ?/, () => `: ${what}`))
  },
  'something within a MIME field'(mail, random) {
    const what = random.pick(oddSigns)
    changeMimeField(mail, random, (field) => insert(field, random.below(field.length), what))
  },
  'two fields with a bare CR between them'(mail, random) {
    const { fields } = partOnTheWay(mail, random)
    if (fields.length < 2) return
    const at = random.below(fields.length - 1)
    const between = random.pick(['\r', '\r\r', '\x0b', '\x85'])
    fields.splice(at, 2, fields.slice(at, at + 2).join(between))
  },
  'another encoding'(mail, random) {
    const part = random.once(3) ? partOnTheWay(mail, random) : fileOf(mail)
    const value = random.pick(encodingValues)
    const at = part.fields.findIndex((field) => /^content-transfer-encoding/i.test(field))
    const field = `Content-Transfer-Encoding:${random.once(6) ? '' : ' '}${value}`
    if (at < 0) part.fields.push(field)
    else part.fields[at] = field
  },
  'another type'(mail, random) {
    const part = partOnTheWay(mail, random)
    const at = part.fields.findIndex((field) => /^content-type/i.test(field))
    if (part.fields[at] === undefined) return
    part.fields[at] = part.fields[at].replace(/: [^;]*/, () => `: ${random.pick(types)}`)
  },
  'another kind of multipart'(mail, random) {
    const part = partOnTheWay(mail, random)
    part.fields = part.fields.map((field) =>
      field.replace(/multipart\/[a-z]*/, () => `multipart/${random.pick(subtypes)}`),
    )
  },
  'the boundary written otherwise'(mail, random) {
    const form = random.pick(boundaryForms)
    const all = partsOf(mail.root).filter(({ body }) => body.kind === 'multipart')
    if (all.length === 0) return
    const part = random.pick(all)
    part.fields = part.fields.map((field) =>
      field.replace(/boundary="([^"]*)"/, (_, boundary: string) => inForm(form, boundary)),
    )
  },
  'another boundary'(mail, random) {
    const all = partsOf(mail.root).filter(({ body }) => body.kind === 'multipart')
    if (all.length === 0) return
    const part = random.pick(all)
    const body = part.body as Multipart
    const outer = (all[0]!.body as Multipart).delimiters[0]!.slice(2)
    const form = random.pick(otherBoundaries)
    const name = inForm(form, outer)
    part.fields = part.fields.map((field) =>
      field.replace(/boundary="[^"]*"/, () => `boundary="${name.replace(/["\\]/g, '\\$&')}"`),
    )
    body.delimiters = body.delimiters.map(() => `--${name}`)
    body.close = `--${name}--`
  },
  'a delimiter written otherwise'(mail, random) {
    const body = anyMultipart(mail, random)
    if (!body) return
    const form = random.pick(delimiterForms)
    const change = (delimiter: string) => inForm(form, delimiter)
    const at = random.below(body.delimiters.length + 1)
    if (at === body.delimiters.length) body.close = change(body.close)
    else body.delimiters[at] = change(body.delimiters[at]!)
    if (random.once(3)) body.delimiters = body.delimiters.map(change)
  },
  'something in a preamble'(mail, random) {
    const body = anyMultipart(mail, random)
    if (!body) return
    const line = random.pick([...oddLines, ...otherMimeFields, 'This is a message with parts.'])
    body.preamble += `${line}\n${random.once(2) ? '\n' : ''}`
  },
  'a line longer than SMTP has them'(mail, random) {
    const { body, fields } = fileOf(mail)
    const front = 'x'.repeat(900 + random.below(130))
    const encoding = fields.find((field) => /^content-transfer/i.test(field)) ?? ''
    if (random.once(2) && /quoted-printable/i.test(encoding)) {
      body.encoded = front + body.encoded.replace(/=\n/g, '')
    } else {
      const part = partOnTheWay(mail, random)
      const what = random.pick(['begin 644 x', ...part.fields, ...oddLines])
      putAmong(part.fields, random, `X-Long: ${front}${what}`)
    }
  },
  'another field on top of a part'(mail, random) {
    const { fields } = partOnTheWay(mail, random)
    const name = random.pick(['X-Any', 'Subject', 'Reply-To', 'Content-ID', 'Received', 'x'])
    const value = random.pick([' b', ' b;', ' "b', ' a "b";', ' b,', '', ' (b', ' b;\n c', ' b; '])
    const long = random.once(4) ? 'x'.repeat(999 - name.length - 1 - value.length) : ''
    const field = `${name}:${long}${value}`
    if (random.once(2)) fields.unshift(field)
    else putAmong(fields, random, field)
    if (random.once(3)) fields.splice(random.below(fields.length), 1)
  },
  'something in an epilogue'(mail, random) {
    const body = anyMultipart(mail, random)
    if (!body) return
    body.epilogue += `${random.pick([...oddLines, ...otherMimeFields, ...body.delimiters, body.close])}\n`
  },
  'parts behind the end'(mail, random) {
    const body = anyMultipart(mail, random)
    if (!body || body.children.length < 2) return
    const at = 1 + random.below(body.children.length - 1)
    body.delimiters[at] =
      `${body.close}\n${random.once(2) ? '' : `${random.pick(oddLines)}\n`}${body.delimiters[at]}`
  },
  'something between fields and body'(mail, random) {
    partOnTheWay(mail, random).gap = random.pick([
      ...['', ' \n', '\t\n', '\r\n', '\r\r\n', '\n\n', '\n\n\n', '\0\n', '\x0b\n', '\x0c\n', '\r'],
      ...['\n\r', ' \n\n', '\n \n', '\r\r', '\n\r\n', 'x\n', 'x\n\n'],
      ...['\nContent-Type: text/plain\n\n', '\nX: y\n\n', '\xa0\n', '\x85', '\nbegin 644 x\n'],
      ...['.\n', '\n.\n', '\nFrom x\n', '\nbegin 644 x\n\nend\n', '-\n', '\n--\n', '\n-- \n'],
    ])
  },
  'more parts'(mail, random) {
    const body = anyMultipart(mail, random)
    if (!body) return
    const count = random.pick([1, 2, 3, 20, 300])
    const more = () => {
      const part = textPart()
      if (random.once(2))
        part.fields = random.pick([[], ['X: y'], ['Content-Type: text/html'], ['begin 644 x']])
      const content = random.pick([
        ...['x\n', '', '\n', 'begin 644 x\n', 'begin 644 x\n\nend\n', '-- \nme\n', '=\n', '--\n'],
      ])
      part.body = { kind: 'leaf', content, encoded: content }
      return part
    }
    const at = random.below(body.children.length + 1)
    for (let n = 0; n < count; n++) {
      body.children.splice(at, 0, more())
      body.delimiters.splice(at, 0, body.delimiters[0]!)
    }
  },
  'deeper multiparts'(mail, random) {
    const part = partOnTheWay(mail, random)
    const depth = random.pick([1, 2, 3, 8, 17, 25])
    const subtype = random.pick(['mixed', 'mixed', ...subtypes])
    for (let at = 0; at < depth; at++) {
      const inside = takeInside(part)
      const around = multipart(subtype, random.once(2) ? [inside] : [textPart(), inside])
      part.fields.push(...around.fields)
      part.body = around.body
    }
  },
  'deeper messages'(mail, random) {
    const part = partOnTheWay(mail, random)
    const depth = random.pick([1, 2, 3, 8, 16, 20])
    for (let at = 0; at < depth; at++) {
      const inside = takeInside(part)
      const subtype = random.pick(['rfc822', 'rfc822', 'global', 'news', 'x'])
      part.fields.push(`Content-Type: message/${subtype}`)
      part.gap = random.pick(['\n', '\n', '\n', '\n\n'])
      part.body = { kind: 'attached', message: asMail(inside) }
    }
  },
  'an encoded part around it'(mail, random) {
    const carried = fileOf(mail).body.content
    const part = partOnTheWay(mail, random)
    const encoding = random.pick<Encoding>(['base64', 'quoted-printable', 'base64'])
    const staysMultipart = part.body.kind === 'multipart' && random.once(2)
    const inside = takeInside(part)
    const wrapped: Part = staysMultipart
      ? { ...inside, fields: [], gap: '' }
      : { ...inside, fields: ['Subject: x', 'MIME-Version: 1.0', ...inside.fields] }
    const content = render({ root: wrapped, afterwards: [] })
      .toString('latin1')
      .replace(/^.*\n/, '')
    const file = 'application/octet-stream; name=a.eml'
    const type = staysMultipart
      ? inside.fields.filter((field) => /^content-type/i.test(field))
      : [`Content-Type: ${random.pick(['message/rfc822', ...types, file])}`]
    const encodingField = random.once(4) ? [] : [`Content-Transfer-Encoding: ${encoding}`]
    part.fields.push(...type, ...encodingField)
    const encoded = random.once(5) ? content : encode(content, encoding)
    part.body = { kind: 'leaf', isFile: true, content: carried, encoded }
  },
  'the whole encoding otherwise'(mail, random) {
    const { body } = fileOf(mail)
    const base64 = Buffer.from(body.content, 'latin1').toString('base64')
    const quoted = encode(body.content, 'quoted-printable')
    const uuencoded = encode(body.content, 'uuencode')
    const middle = 1 + random.below(60)
    const half = (from: number, to?: number) =>
      Buffer.from(body.content.slice(from, to), 'latin1').toString('base64')
    const options: readonly (() => string)[] = [
      () => `${cut(base64, random.pick([1, 2, 3, 4, 5, 7, 19, 60, 64, 72, 75, 77, 998, 2000]))}\n`,
      () => `${base64}\n`,
      () => `${half(0, middle)}\n${half(middle)}\n`,
      () => `${half(0, middle)}${half(middle)}\n`,
      () => `${half(0, 22)}\n\n${half(22, 44)}\n${half(44)}\n`,
      () => `${base64.replace(/=+$/, '')}\n`,
      () => `${base64.replaceAll('+', '-').replaceAll('/', '_')}\n`,
      () => quoted.toLowerCase(),
      () => quoted.replaceAll('=\n', ''),
      () => uuencoded.replace(/^.*/, random.pick(beginLines)),
      () => uuencoded.replaceAll('`', ' '),
      () => uuencoded.replace(/`\nend\n$/, random.pick(uuencodeEnds)),
      () => uuencoded.replace('\n', random.pick(['\n\n', '\nx\n', '\n \n', '\nM\n', '\nX: y\n'])),
      () => `${yencode(Buffer.from(body.content, 'latin1'))}\n`,
    ]
    body.encoded = random.pick(options)()
    if (random.once(3)) {
      const part = fileOf(mail)
      part.fields = part.fields.filter((field) => !/^content-transfer/i.test(field))
      if (!random.once(3))
        part.fields.push(`Content-Transfer-Encoding: ${random.pick(encodingValues)}`)
    }
  },
  'characters of encoded data otherwise'(mail, random) {
    const { body } = fileOf(mail)
    for (let n = 1 + random.below(4); n > 0; n--) {
      const at = random.below(body.encoded.length)
      const taken = random.pick([0, 0, 0, 1, 1, 2])
      const what = random.once(6) ? '' : random.pick(dataCharacters)
      body.encoded = body.encoded.slice(0, at) + what + body.encoded.slice(at + taken)
    }
  },
  'a character of encoded data everywhere otherwise'(mail, random) {
    const { body } = fileOf(mail)
    const characters = [...new Set(body.encoded)]
    const changed = random.pick(characters)
    const by = random.pick([...dataCharacters, String.fromCharCode(changed.charCodeAt(0) | 0x80)])
    body.encoded = body.encoded.replaceAll(changed, by)
  },
  'a character behind so many of encoded data'(mail, random) {
    const { body } = fileOf(mail)
    const every = new RegExp(`[^\\n]{${1 + random.below(40)}}`, 'g')
    const what = random.pick(dataCharacters)
    body.encoded = body.encoded.replace(every, (piece) => piece + what)
  },
  'something in front of encoded data'(mail, random) {
    const { body } = fileOf(mail)
    body.encoded = random.pick(fronts) + body.encoded
  },
  'something behind encoded data'(mail, random) {
    fileOf(mail).body.encoded += random.pick(backs)
  },
  'line ends of encoded data otherwise'(mail, random) {
    const { body } = fileOf(mail)
    body.encoded = body.encoded.replaceAll('\n', random.pick(oddEnds))
  },
  'a line among those of encoded data'(mail, random) {
    const { body } = fileOf(mail)
    const all = body.encoded.split('\n')
    const delimiters = partsOf(mail.root).flatMap(({ body }) =>
      body.kind === 'multipart' ? [...body.delimiters, body.close] : [],
    )
    const line = random.once(2)
      ? inForm(random.pick(similarForms), random.pick([...delimiters, '--']))
      : random.pick([...oddLines, ...otherMimeFields])
    putAmong(all, random, line)
    body.encoded = all.join('\n')
  },
  'other bytes in front of the file'(mail, random) {
    const part = fileOf(mail)
    const { body } = part
    const encoding = /base64|quoted-printable/i.exec(part.fields.join())?.[0].toLowerCase()
    if (encoding === undefined) return
    const front = random.pick([
      Buffer.from('ContentA', 'base64').toString('latin1'),
      Buffer.from('filename', 'base64').toString('latin1'),
      Buffer.from('base64AA', 'base64').toString('latin1'),
      'Content',
      'GIF89a',
      '\xff\xd8\xff\xe0\0\x10JFIF',
      'MZ',
      '%PDF-1.4\n',
      'From: x\n\n',
      '\0'.repeat(300),
      'x'.repeat(3000),
    ])
    body.encoded = encode(front + body.content, encoding as Encoding)
  },
  'another type and disposition of the file'(mail, random) {
    const part = fileOf(mail)
    part.fields = part.fields.filter((field) => !/^content-(?:type|disposition)/i.test(field))
    const name = random.pick(['; name=report.zip', '; name="a.txt"', '', '; x=y'])
    const type = random.pick([...types, 'messages/x', 'mesage/zip', 'multiparts/x', 'text/csv'])
    const disposition = random.pick(['form-data', 'attachment', 'inline', 'x-any', 'signal'])
    part.fields.unshift(`Content-Type: ${type}${name}`)
    if (!random.once(4)) {
      const fileName = random.pick(['; filename=report.zip', '', '; name=a; filename="a b.txt"'])
      part.fields.push(`Content-Disposition: ${disposition}${fileName}`)
    }
  },
  'something open across the fields'(mail, random) {
    const { fields } = partOnTheWay(mail, random)
    const [open, close] = random.pick([
      ['(', ')'],
      ['"', '"'],
      ['<', '>'],
      ['=?us-ascii?q?', '?='],
      ['\\', ''],
      ['((', ')'],
      ['{', '}'],
      ['"(', ')"'],
    ] as const)
    const first = random.below(fields.length + 1)
    fields.splice(first, 0, `X-Open: ${open}`)
    if (!random.once(3)) {
      fields.splice(first + 1 + random.below(fields.length - first), 0, `X-Close: ${close}`)
    }
  },
  'many fields, or a long one'(mail, random) {
    const { fields } = partOnTheWay(mail, random)
    const count = random.pick([100, 900, 2000])
    const what = random.pick([
      Array.from({ length: count }, (_, n) => `X-${n}: ${'x'.repeat(60)}`).join('\n'),
      `X-Long: ${`${'x'.repeat(60)}\n `.repeat(count)}x`,
      `X-Long: ${'x'.repeat(60 * count)}`,
    ])
    putAmong(fields, random, what)
  },
  'many multiparts before the file'(mail, random) {
    const body = anyMultipart(mail, random)
    if (!body) return
    const others = Array.from({ length: random.pick([5, 40, 70]) }, () =>
      multipart('alternative', [textPart()]),
    )
    body.children.unshift(...others)
    body.delimiters.unshift(...others.map(() => body.delimiters[0] ?? '--x'))
  },
  'another text before the file'(mail, random) {
    const texts = partsOf(mail.root).filter(({ body }) => body.kind === 'leaf' && !body.isFile)
    if (texts.length === 0) return
    const part = random.pick(texts)
    const content = random.pick([
      ...['begin 644 x\nsee below\n', 'begin 0644 x\n', '\nbegin 644 x\n', 'begin 644 x\n\nend\n'],
      ...['=62egin 644 x\n', '=ybegin line=1 size=1 name=x\n'],
      ...['From x@example.org Mon Jun  1 10:00:00 2026\n', '-----BEGIN PGP MESSAGE-----\n'],
      ...['(This file must be converted with BinHex 4.0)\n\n:x:\n', '<html><!--\n'],
      ...['Content-Type: text/plain\n\nx\n', '', '\n\n\n', '--\n', `${'x'.repeat(3000)}\n`],
      ...['begin 644\n', 'x', '.\n', 'BEGIN 644 x\n', '-- \nme\n'],
      ...[`begin 644 x\nM${'A'.repeat(60)}\n`, 'text\r\rtext\n', '\0\0\0\n', 'begin 755 x y\n'],
      ...['\x1b\n', 'Content-Transfer-Encoding: base64\n', 'boundary="x"\n', 'begin\n', 'end\n'],
      ...['=\n', 'begin 1 a\n', 'begin 666 \n', ' begin 644 x\n'],
    ])
    part.body = { kind: 'leaf', content, encoded: content }
    const without = (name: RegExp) => part.fields.filter((field) => !name.test(field))
    if (random.once(3)) {
      const encoding = random.pick(['quoted-printable', 'base64', 'x'])
      part.fields = [...without(/encoding/i), `Content-Transfer-Encoding: ${encoding}`]
    }
    if (random.once(4)) {
      const type = random.once(2) ? [] : [`Content-Type: ${random.pick(types)}`]
      part.fields = [...without(/^content-type/i), ...type]
    }
  },
  'a byte otherwise'(mail, random) {
    const bytes = [
      ...['\0', '\r', '\n', ' ', '\t', ';', '"', ':', '-', '=', '(', ')', '\\', '<', '\x0b'],
      ...['\x0c', '\x80', '\xff', '\r\n', '\n\n', '--', '\n ', '/', '>', '.', '\x1a', ','],
    ]
    const seed = random.below(2 ** 31)
    mail.afterwards.push((text) => {
      const inner = createRandom(seed)
      let changed = text
      for (let n = 1 + inner.below(2); n > 0; n--) {
        const at = inner.below(changed.length)
        const length = inner.pick([0, 0, 1, 1, 2])
        changed =
          changed.slice(0, at) +
          (inner.once(4) ? '' : inner.pick(bytes)) +
          changed.slice(at + length)
      }
      return changed
    })
  },
  'a line otherwise'(mail, random) {
    const seed = random.below(2 ** 31)
    mail.afterwards.push((text) => {
      const inner = createRandom(seed)
      const all = text.split('\n')
      const at = inner.below(all.length)
      const other = inner.below(all.length)
      inner.pick([
        () => all.splice(at, 1),
        () => all.splice(at, 0, all[at]!),
        () => all.splice(at, 0, all[other]!),
        () => all.splice(at, 1, ...all.splice(other, 1)),
        () => all.splice(at, 1, `${all[at]!} ${all[at + 1] ?? ''}`),
        () => all.splice(at, 0, inner.pick(oddLines)),
        () => all.splice(at, 0, ''),
        () => all.splice(at, 1, ` ${all[at]}`),
        () => all.splice(at, 0, inner.pick(otherMimeFields)),
      ])()
      return all.join('\n')
    })
  },
  'other line ends'(mail, random) {
    const change = random.pick<(text: string) => string>([
      (text) => text.replaceAll('\n', '\r\n'),
      (text) => text.replaceAll('\n', '\r\n'),
      (text) => text.replaceAll('\n', '\r\r\n'),
      (text) => text.replaceAll('\n', '\r'),
      (text) => text.replace(/\n(?=[\s\S]*\n\n)/g, '\r\n'),
      (text) => text.replace(/\n\n/, '\n\r\n'),
      (text) => text.replace(/\n\n/g, '\r\n\r\n'),
    ])
    mail.afterwards.push(change)
  },
  'a magic word'(mail, random) {
    const [word, at] = random.pick([
      ['ustar', 257],
      ['EFI PART', 512],
      ['CD001', 32769],
      ['H+', 1024],
      ['ER\x02', 0],
      ['%PDF-', 200],
      ['PK\x03\x04', 300],
      ['MZ', 100],
      ['Rar!\x1a\x07', 200],
      ['<html>', 150],
      ['7z\xbc\xaf\x27\x1c', 150],
      ['koly', 400],
      ['\x55\xaa', 510],
    ] as const)
    const part = mail.root
    const used = FIRST_LENGTH + 10
    part.fields.unshift(`X-Filler: ${'x'.repeat(Math.max(0, at - used))}${word}`)
  },
}

const FIRST_LENGTH = 89

const names: readonly string[] = Object.keys(kinds)
