import t from 'tap'
import { limits } from '../../../../../src/mail/mime/budget/limits.ts'
import { binHex } from '../../../../mail/mime/decoders/binhex.ts'
import { literal } from '../evasions/containers.ts'
import { disposed, mixed, outcome, text } from './mail.ts'

const exe = disposed('attachment; filename="a.exe"')
const crlf = (message: string) => message.replaceAll('\n', '\r\n')
const base64 = (content: string | Buffer) =>
  Buffer.from(content as string, 'latin1')
    .toString('base64')
    .replace(/.{76}/g, '$&\n')
const attached = (message: string, encoding = '') =>
  `Content-Type: message/rfc822\nContent-Disposition: attachment\n${encoding && `Content-Transfer-Encoding: ${encoding}\n`}\n${message}`

t.test('ordinary mail is clean', async (t) => {
  const cases: Record<string, string> = {
    empty: '',
    'header only': 'Subject: x\n',
    'header without a line end': 'Subject: x',
    'body only': '\nhello\n',
    'no header at all': 'hello\nworld\n',
    'without MIME': 'From: a@example.org\nSubject: a.exe\n\nfilename="a.exe"\n--b\n--b--\n',
    'with mbox From': `From a@example.org Mon Jan 1\nSubject: x\n${mixed('b', text)}`,
    'a line without a colon, without MIME': 'Subject: x\njunk\n\nbody\n',
    'NUL and bare CR, without MIME': 'Subject: x\ry\0\n\nbo\rdy\0\n',
    '8-bit': 'Subject: \xe4\xf6\xfc\nContent-Type: text/plain; charset=iso-8859-1\n\n\xe4\n',
    'a boundary that begins as another': mixed('b', mixed('b-c', text), text),
    'a part without a header': mixed('b', '\nhello\n'),
    'a part with nothing': mixed('b', ''),
    'a text that begins with MZ': 'Subject: x\n\nMZ is a school in Mainz\n',
    base64: `Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n${base64('hello')}\n`,
    'base64 with a footer': `Content-Transfer-Encoding: base64\n\n${base64('hello')}\n-- \nlist\n`,
    'an old Content-Type': 'Content-Type: text\n\nhello\n',
    'RFC 2045 comment': 'Content-Type: text/plain; charset=us-ascii (Plain text)\n\nhello\n',
    'a JavaScript body': 'Content-Type: text/plain\n\nx.__proto__*0=1\n',
  }
  for (const [name, message] of Object.entries(cases)) {
    t.equal(await outcome(message), 'clean', name)
    t.equal(await outcome(crlf(message)), 'clean', `${name}, CRLF`)
  }
})

t.test('banned types and programs are seen', async (t) => {
  const program = Buffer.concat([Buffer.from('MZ\x90\0\x03\0\0\0'), Buffer.alloc(100)])
  const elf = Buffer.concat([Buffer.from('\x7fELF\x02\x01'), Buffer.alloc(100)])
  const part = (type: string, encoding: string, content: string) =>
    `Content-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\n${content}\n`

  const type = 'Application/X-MSDownload (comment) ; x=y'
  t.equal(await outcome(part(type, '7bit', 'x')), 'type application/x-msdownload')
  for (const content of [program, elf]) {
    const parts = [
      part('image/png', 'base64', base64(content)),
      part('image/png', 'BASE64 (c)', base64(content).replace(/./g, '$&\n')),
      part('image/png', 'binary', content.toString('latin1')),
      part(
        'image/png',
        'quoted-printable',
        [...content].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join(''),
      ),
    ]
    for (const part of parts) {
      t.equal(await outcome(part), 'content executable')
      t.equal(await outcome(mixed('b', text, part)), 'content executable')
    }
  }
})

const inBase64 = (type: string, content: string) =>
  `Content-Type: ${type}\nContent-Transfer-Encoding: base64\n\n${base64(content)}\n`

const inMultiparts = (levels: number, part: string) =>
  nest(levels, (n, inner) => mixed(`b${n}`, inner), part)
const inMessages = (levels: number, part: string) =>
  nest(levels, (_, inner) => attached(inner), part)

t.test('a banned name is seen in each place where mail has names', async (t) => {
  const places: Readonly<Record<string, string>> = {
    'a part of a part': mixed('b', text, mixed('c', text, exe)),
    'an attached message in base64': mixed('b', attached(base64(exe), 'base64'), text),
    'a header that the end cuts': exe.slice(0, exe.indexOf('\n\n')),
    'a part behind a name of Object.prototype': mixed(
      'b',
      disposed("x; __proto__*0*=utf-8''x; filename=x.constructor"),
      exe,
    ),
    'more multiparts than are scanned': inMultiparts(25, exe),
    'more messages than are scanned': inMessages(25, exe),
    'a multipart': mixed('b', text).replace('mixed;', 'mixed; name=a.exe;'),
    'uuencode in a text': 'A: b\n\nsee:\nbegin 644 a.exe\n#86)C\n`\nend\n',
    'a name in base64': 'A: b\n\nsee:\nbegin-encoded 644 YS5leGU=\n#86)C\n`\nend\n',
    'BinHex in a text': `A: b\n\n${binHex('a.exe', Buffer.from('ABC'))}`,
    'OpenPGP in a file': inBase64(
      'application/x-any',
      literal(Buffer.from('ABC'), false, 'a.exe').toString('latin1'),
    ),
    'a file in a calendar': `Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nATTACH;FILE\n NAME=a.exe;VALUE=BINARY:QUJD\n`,
    'a file in a card in base64': inBase64(
      'text/x-any',
      'BEGIN:VCARD\nKEY;ENCODING=B;X-FILENAME="a.exe":QUJD\n',
    ),
  }
  for (const [name, message] of Object.entries(places)) {
    t.equal(await outcome(message), 'a.exe', name)
  }
  t.notOk('charset' in {}, 'nothing is left in Object.prototype')
})

t.test('the outcome names the limit if mail holds more than is read', async (t) => {
  const numbered = (count: number) =>
    Array.from({ length: count }, (_, n) => `Content-Type: a/b\n\nfile ${n}`)
  const cases: [string, string, RegExp | string][] = [
    ['names', disposed(`attachment${'; name=y'.repeat(101)}`), /more than 100 names/],
    ['a long name', disposed(`attachment; filename=${'x'.repeat(2000)}`), /a file name of more/],
    ['places', mixed('b', ...Array(limits.parts).fill('')), /more than \d+ lines like delimiters/],
    ['fields', `Content-Type: text/plain; x=${'x'.repeat(1024 * 1024)}\n\nx\n`, /a header with/],
    ['contents', mixed('b', ...numbered(limits.contents + 100)), /more than \d+ contents/],
  ]
  for (const [name, message, reason] of cases) {
    t.match(await outcome(message), reason, name)
  }
})

t.test('mail that is just within a limit does not exceed it', async (t) => {
  t.equal(await outcome(mixed('b', ...Array(10_000).fill(text), exe)), 'a.exe')
  const last = `attachment${'; x=y'.repeat(1000)}${'; name=y'.repeat(99)}; name=a.exe`
  t.equal(await outcome(disposed(last)), 'a.exe')
  const encoded = nest(limits.encodedMessages, (_, inner) => attached(base64(inner), 'base64'), exe)
  t.equal(await outcome(encoded), 'a.exe')
})

function nest(count: number, wrap: (n: number, inner: string) => string, innermost = text): string {
  let message = innermost
  for (let n = 0; n < count; n++) message = wrap(n, message)
  return message
}
