import fc from 'fast-check'
import t from 'tap'
import { limits } from '../../../../src/mail/mime/budget/limits.ts'
import { binHex } from '../../../mail/mime/decoders/binhex.ts'
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

const LONG = `X: ${'x'.repeat(1024 * 1024)}`
const unclosed = mixed('c', text).replace('--c--\nepilogue\n', '')
const headerOf = (part: string) => part.slice(0, part.indexOf('\n\n'))
const inBase64 = (type: string, content: string) =>
  `Content-Type: ${type}\nContent-Transfer-Encoding: base64\n\n${base64(content)}\n`

const inMultiparts = (levels: number, part: string) =>
  nest(levels, (n, inner) => mixed(`b${n}`, inner), part)
const inMessages = (levels: number, part: string) =>
  nest(levels, (_, inner) => attached(inner), part)

/** Where a part may stand, also in mail that readers take apart in several ways. */
const places: Readonly<Record<string, (part: string) => string>> = {
  'the message itself': (part) => part,
  'first part': (part) => mixed('b', part, text),
  'last part': (part) => mixed('b', text, part),
  'part of a part': (part) => mixed('b', text, mixed('c', text, part)),
  'after a part with parts': (part) => mixed('b', mixed('c', text), part),
  'attached message': (part) => mixed('b', attached(mixed('c', text, part))),
  'attached message itself': (part) => attached(mixed('c', text, part)),
  'message in a message': (part) => mixed('b', attached(attached(mixed('d', attached(part))))),
  'attached in base64': (part) => mixed('b', attached(base64(part), 'base64'), text),
  'attached in quoted-printable': (part) =>
    mixed(
      'b',
      attached(part.replaceAll('=', '=3D').replace('file', 'fi=\nle'), 'quoted-printable'),
    ),
  'after an attached message': (part) => mixed('b', attached('Subject: x\n\nx\n'), part),
  digest: (part) => mixed('b', `\n${mixed('c', text, part)}`).replace('mixed', 'digest'),
  'a bare CR before the delimiter': (part) => mixed('b', text, part).replaceAll('--b\n', '\r--b\n'),
  'blanks behind the boundary': (part) => mixed('b', text, part).replaceAll('--b\n', '--b \t\n'),
  'header cut by the end': headerOf,
  'header cut by a boundary': (part) => mixed('b', headerOf(part), text),
  'long boundary': (part) => mixed('x'.repeat(70), part),
  'boundary in sections': (part) =>
    mixed('bc', part).replace('boundary="bc"', 'boundary*0=b;\n boundary*1="c"'),
  'fields below a blank line': (part) => `A: b\n \n${part}`,
  'a mail in a file': (part) => inBase64('a/b', `Subject: x\n${part}`),
  'no closing boundary': (part) => mixed('b', part).replace('--b--', ''),
  'no boundary parameter': (part) => `Content-Type: multipart/mixed\n\n--b\n${part}\n--b--\n`,
  'an empty boundary': (part) => mixed('', part),
  'two boundaries': (part) => mixed('b', part).replace('boundary=', 'boundary=c; boundary='),
  'two boundaries, the other one last': (part) =>
    mixed('b', part).replace('"b"', '"b"; boundary="c"'),
  'a boundary with more': (part) => mixed('b', part).replace('"b"', '"b"c'),
  'a boundary with a comment': (part) =>
    mixed('b', part).replace('boundary', '(boundary=c;) boundary'),
  'a boundary inside quotes': (part) =>
    mixed('b', part).replace('boundary=', 'x="; boundary=c"; boundary='),
  'an inner multipart that is not closed': (part) => mixed('b', unclosed, part),
  'two multiparts around it that are not closed': (part) =>
    mixed('a', mixed('b', unclosed).replace('--b--', ''), part),
  'a multipart before it without parts': (part) => mixed('a', mixed('b', mixed('c'), text), part),
  'a multipart before it that is closed twice': (part) =>
    mixed('a', mixed('b', mixed('c', text, '--c--'), text), part),
  'a part behind the end': (part) => `${mixed('b', text)}--b\n${part}\n--b--\n`,
  'two types': (part) => `Content-Type: text/plain\n${mixed('b', part)}`,
  'two encodings': (part) =>
    `Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n${mixed('b', part)}`,
  'junk in a header': (part) => mixed('b', `junk\n${part}`),
  'a comment in a field name': (part) => `(c)Content-Type: text/plain\n${mixed('b', part)}`,
  'a type that cannot be read': (part) =>
    `Content-Type: multipart; boundary=b\n\n--b\n${part}\n--b--\n`,
  'a bare CR in a header': (part) => `Subject: x\r${mixed('b', part)}`,
  'a NUL in a header': (part) => mixed('b', part).replace('mixed;', 'mixed\0;'),
  'a multipart in base64': (part) => `Content-Transfer-Encoding: base64\n${mixed('b', part)}`,
  'base64 that was cut before it': (part) =>
    mixed('b', `Content-Transfer-Encoding: base64\n\n${base64('hello').slice(0, 6)}`, part),
  'a message in an unknown encoding': (part) => attached(part, 'x-own'),
  'a quote that is not closed before it': (part) =>
    mixed('b', disposed('attachment; filename="a.txt'), part),
  'a file name before it that libmime cannot take': (part) =>
    mixed('b', 'Content-Disposition: attachment; filename=x.constructor\n\n', part),
  'a parameter before it that libmime cannot take': (part) =>
    mixed('b', disposed("x; __proto__*0*=utf-8''x"), part),
  'fourteen multiparts': (part) => inMultiparts(14, part),
  'fourteen messages': (part) => inMessages(14, part),
  'a header of 1 MiB': (part) => `${LONG}\n${mixed('b', part)}`,
  'a header of 1 MiB before it': (part) => mixed('b', `${LONG}\n\nx`, part),
  'a header of 1 MiB in a message before it': (part) => mixed('b', attached(`${LONG}\n\nx`), part),
}

t.test('a banned name is seen wherever some reader sees it, and nothing else is', async (t) => {
  for (const [name, around] of Object.entries(places)) {
    t.equal(await outcome(around(exe)), 'a.exe', name)
    t.equal(await outcome(crlf(around(exe))), 'a.exe', `${name}, CRLF`)
    t.equal(await outcome(around(text)), 'clean', `${name}, nothing banned`)
  }
  t.notOk('charset' in {}, 'nothing is left in Object.prototype')
  const others: Readonly<Record<string, string>> = {
    'more multiparts than are scanned': inMultiparts(25, exe),
    'more messages than are scanned': inMessages(25, exe),
    'a multipart': mixed('b', text).replace('mixed;', 'mixed; name=a.exe;'),
    'uuencode in a text': 'A: b\n\nsee:\nbegin 644 a.exe\n#86)C\n`\nend\n',
    'begin-base64 in a text': 'A: b\n\nsee:\nbegin-base64 644 a.exe\nQUJD\n====\n',
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
  for (const [name, message] of Object.entries(others)) {
    t.equal(await outcome(message), 'a.exe', name)
  }
})

t.test('the outcome names the limit if mail holds more than is read', async (t) => {
  const numbered = (count: number) =>
    Array.from({ length: count }, (_, n) => `Content-Type: a/b\n\nfile ${n}`)
  const cases: [string, string, RegExp | string][] = [
    ['names', disposed(`attachment${'; name=y'.repeat(101)}`), /more than 100 names/],
    ['a long name', disposed(`attachment; filename=${'x'.repeat(2000)}`), /a file name of more/],
    ['places', mixed('b', ...Array(limits.parts).fill('')), `more than ${limits.parts} parts`],
    ['fields', `Content-Type: text/plain; x=${'x'.repeat(1024 * 1024)}\n\nx\n`, /a header with/],
    ['contents', mixed('b', ...numbered(limits.contents + 100)), /more than \d+ parts/],
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

t.test('the outcome does not depend on how chunks are split', async (t) => {
  const message = crlf(
    mixed('b', mixed('c', text, text), attached(base64(mixed('d', text, exe)), 'base64'), text),
  )
  for (let cut = 0; cut <= message.length; cut += 7) {
    t.equal(await outcome(message, [cut]), 'a.exe', `cut at ${cut}`)
  }
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(), { maxLength: 20 }),
      fc.constantFrom(
        [message, 'a.exe'],
        [message.replace('--c--', ''), 'a.exe'],
        [mixed('b', mixed('c', text, attached(text)), text), 'clean'],
        [crlf(mixed('b', mixed('c', text, attached(text)), text)), 'clean'],
        [crlf(mixed('b', mixed('c', exe).replace('--c--', ''))), 'a.exe'],
      ),
      async (cuts, [message, expected]) => (await outcome(message!, cuts)) === expected,
    ),
  )
})

t.test('any bytes have an outcome', async (t) => {
  const line = fc.constantFrom(
    '--b',
    '--b--',
    '--c',
    '',
    'Content-Type: multipart/mixed; boundary=b',
    'Content-Type: message/rfc822',
    'Content-Type: multipart/digest; boundary=c',
    'x',
    '\r',
    'Content-Transfer-Encoding: base64',
    'QUJD',
    'a: b',
    ' c',
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(line, { maxLength: 40 }),
      fc.array(fc.nat(), { maxLength: 5 }),
      async (lines, cuts) => {
        const message = lines.join('\n')
        return (await outcome(message)) === (await outcome(message, cuts))
      },
    ),
    { numRuns: 300 },
  )
  t.pass()
})

function nest(count: number, wrap: (n: number, inner: string) => string, innermost = text): string {
  let message = innermost
  for (let n = 0; n < count; n++) message = wrap(n, message)
  return message
}
