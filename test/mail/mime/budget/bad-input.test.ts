import t from 'tap'
import { limits } from '../../../../src/mail/mime/budget/limits.ts'
import { base64, multipart, part } from '../../../scanner/scan/scanners/evasions/compose.ts'
import { binaryFile } from '../../../scanner/scan/scanners/evasions/files.ts'
import { readMail } from '../read-mail.ts'

/** Mail at its limits, which only an attacker sends: the file in it is found, or the mail is unread. */

const BASE64 = 'Content-Transfer-Encoding: base64'
const file = part(['Content-Type: application/octet-stream', BASE64], base64(binaryFile))
const inMixed = (parts: readonly string[]) => multipart('mixed', parts, { boundary: 'b' })
const latin1 = (mail: string) => Buffer.from(mail, 'latin1')

/** Whether the file was found, and why the mail was not read to its end. */
function fateOf(mail: string): { readonly isFound: boolean; readonly over: string } {
  const { holds, over } = readMail(mail)
  return { isFound: holds(binaryFile), over }
}
const FOUND = { isFound: true, over: '' }
const TOO_MANY = { isFound: false, over: 'more than 20000 lines like delimiters' }

t.test('mail that is odd in each way at once is cheap, and its file is found', async (t) => {
  const mail = [
    '\n\nA: b\r\n',
    'Content-Type: multipart/mixed; boundary="b"; boundary=c\nno field\n \n--b\n\r\n',
    'Content-Type: message\n\nA: b\n\nx\r--b\n.--b\n--b \nC: d\n--c more\n\ny\n--b--\ne\n',
    `--b\n${file}\n`,
  ].join('')
  t.same(fateOf(mail), FOUND)
  const { odd, work } = readMail(mail)
  t.same([...new Set(odd)].sort(), ['boundary', 'header'])
  t.ok(work < 150_000, `${work} units`)
})

t.test('what is hidden in an encoded mail alone is found', async (t) => {
  const inner = `A: b\n${inMixed([`\nx\n--b--\n--b\n${file}`])}`
  const types = ['message/rfc822', 'application/octet-stream; name=a.eml']
  for (const type of types) {
    const encoded = part([`Content-Type: ${type}`, BASE64], base64(latin1(inner)))
    const mail = `A: b\n${inMixed([encoded])}`
    t.same(fateOf(mail), FOUND, type)
  }
})

t.test('10,000 parts are read, and more than the limit are unread', async (t) => {
  const behind = (count: number) => `A: b\n${inMixed([...Array<string>(count).fill('\nx'), file])}`
  t.same(fateOf(behind(10_000)), FOUND)
  t.same(fateOf(behind(limits.parts)), TOO_MANY)
})

t.test('a header of 1 MiB is read, unless all of it is about content', async (t) => {
  const filled = (text: string) => text.repeat(Math.ceil(1024 ** 2 / text.length))
  const read: Readonly<Record<string, string>> = {
    'a line': `X-A: ${filled('x')}\n${inMixed([file])}`,
    'folds of a field': `X-A: ${filled('x\n ')}x\n${inMixed([file])}`,
    fields: `${filled('X-A: b\n')}${inMixed([file])}`,
    'a line of a part': `A: b\n${inMixed([`X-A: ${filled('x')}\n${file}`])}`,
    'lines that are no fields': `A: b\n${filled('no field\n')}${inMixed([file])}`,
    'blank lines': `A: b\n${filled(' \n')}${inMixed([file])}`,
  }
  for (const [name, mail] of Object.entries(read)) t.same(fateOf(mail), FOUND, name)
  const type = 'Content-Type: multipart/mixed;'
  const unread: Readonly<Record<string, string>> = {
    parameters: `${type}${filled(' x=y;')} boundary=b\n\n--b\n${file}\n--b--\n`,
    'parameters on lines': `${type}${filled('\n x=y;')} boundary=b\n\n--b\n${file}\n--b--\n`,
    'fields about content': `${filled('Content-A: b\n')}${inMixed([file])}`,
  }
  for (const [name, mail] of Object.entries(unread)) {
    t.match(fateOf(mail), { isFound: false, over: /^a header with more than .* content$/ }, name)
  }
})

t.test('any number of boundaries is read', async (t) => {
  const numbered = (count: number, make: (number: number) => string) =>
    Array.from({ length: count }, (_, number) => make(number))
  /** Of one multipart, whose last boundary counts, below lines that are like some of them. */
  const ofOne = (count: number) => {
    const boundaries = numbered(count, (number) => ` boundary=c${number}`).join(';')
    const last = `--c${count - 1}`
    return `Content-Type: multipart/mixed;${boundaries}\n\n${'--c\n'.repeat(5000)}${last}\n${file}\n${last}--\n`
  }
  t.same(fateOf(ofOne(1000)), FOUND)

  const multipartOf = (number: number) =>
    `Content-Type: multipart/mixed; boundary=c${number}\n\n--c${number}\n`
  const beside = numbered(1001, (number) => `${multipartOf(number)}\nx`)
  t.same(fateOf(inMixed([...beside, file])), FOUND, 'none is closed, each is in the same multipart')
  t.same(fateOf(numbered(1000, multipartOf).join('') + file), FOUND, 'each is in the one above it')
})

/** Messages with some bytes at one place. */
const places: Readonly<Record<string, (bytes: string) => string>> = {
  'above the header': (bytes) => `${bytes}A: b\n${inMixed([file])}`,
  'at the end of a field': (bytes) => `A: b${bytes}\n${inMixed([file])}`,
  'before a parameter': (bytes) => `A: b\n${inMixed([file]).replace(' boundary', `${bytes}$&`)}`,
  'behind the type': (bytes) => `A: b\n${inMixed([file]).replace('\n', `${bytes}\n`)}`,
  'above the body': (bytes) => `A: b\n${inMixed([file]).replace('\n\n', `\n${bytes}\n`)}`,
  'at the end of a part': (bytes) => `A: b\n${inMixed([`\nx${bytes}`, file])}`,
  'before a delimiter': (bytes) => `A: b\n${inMixed([file]).replace('--b\n', `${bytes}$&`)}`,
  'behind a delimiter': (bytes) => `A: b\n${inMixed([file]).replace('--b', `$&${bytes}`)}`,
  'behind an encoding': (bytes) => `A: b\n${inMixed([file.replace(BASE64, `$&${bytes}`)])}`,
  'among the data': (bytes) => `A: b\n${inMixed([file.replace(/\n\n.{8}/, `$&${bytes}`)])}`,
}

t.test('NUL, CR and LF hide nothing, in any order', async (t) => {
  const characters = ['\0', '\r', '\n']
  const pairs = characters.flatMap((one) => characters.map((other) => one + other))
  const triples = pairs.flatMap((pair) => characters.map((one) => pair + one))
  for (const [place, mail] of Object.entries(places)) {
    for (const bytes of [...characters, ...pairs, ...triples]) {
      t.ok(mail(bytes).length > mail('').length, place)
      t.same(fateOf(mail(bytes)), FOUND, `${JSON.stringify(bytes)} ${place}`)
    }
  }
})

t.test('10,000 lines of dashes hide nothing, and more than 20,000 are unread', async (t) => {
  const above = (count: number): Readonly<Record<string, string>> => {
    const dashes = '--x\n'.repeat(count)
    return {
      'in a multipart': inMixed([`\n${dashes}`, file]),
      'above a multipart in it': inMixed([
        `\n${dashes}`,
        multipart('mixed', [file], { boundary: 'c' }),
      ]),
      'in a text to some': `\n${inMixed([`\n${dashes}`, file])}`,
      'with CRs at their ends': inMixed([`\n${dashes.replaceAll('\n', '\r')}`, file]),
    }
  }
  for (const [where, mail] of Object.entries(above(30_000)).slice(0, 2))
    t.same(fateOf(`A: b\n${mail}`), FOUND, where)
  for (const [where, mail] of Object.entries(above(10_000)))
    t.same(fateOf(`A: b\n${mail}`), FOUND, where)
  for (const [where, mail] of Object.entries(above(20_001)))
    t.same(fateOf(`A: b\nno field\n${mail}`), TOO_MANY, where)
})
