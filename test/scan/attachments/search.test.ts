import fc from 'fast-check'
import t from 'tap'
import { MESSAGES_MAX, PARTS_MAX } from '../../../src/scan/attachments/search.ts'
import { DEPTH_MAX } from '../../../src/scan/attachments/splitter.ts'
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
    multipart: `Subject: x\nMIME-Version: 1.0\n${mixed('b', text, text)}`,
    nested: mixed('b', mixed('c', text, text), text),
    'a boundary that begins as another': mixed('b', mixed('b-c', text), text),
    'one part': mixed('b', text),
    'a part without a header': mixed('b', '\nhello\n'),
    'a part with nothing': mixed('b', ''),
    'a text that begins with MZ': 'Subject: x\n\nMZ is a school in Mainz\n',
    base64: `Content-Type: text/plain\nContent-Transfer-Encoding: base64\n\n${base64('hello')}\n`,
    'base64 with a footer': `Content-Transfer-Encoding: base64\n\n${base64('hello')}\n-- \nlist\n`,
    'an old Content-Type': 'Content-Type: text\n\nhello\n',
    'RFC 2045 comment': 'Content-Type: text/plain; charset=us-ascii (Plain text)\n\nhello\n',
    'message attached': mixed('b', attached('Subject: x\n\nhello\n')),
    digest: mixed('b', '\nSubject: x\n\nhello\n').replace('mixed', 'digest'),
    'a JavaScript body': 'Content-Type: text/plain\n\nx.__proto__*0=1\n',
  }
  for (const [name, message] of Object.entries(cases)) {
    t.equal(await outcome(message), 'clean', name)
    t.equal(await outcome(crlf(message)), 'clean', `${name}, CRLF`)
  }
})

t.test('a banned name is seen in every part', async (t) => {
  const inner = mixed('c', text, exe)
  const cases: Record<string, string> = {
    'the message itself': exe,
    'first part': mixed('b', exe, text),
    'last part': mixed('b', text, exe),
    'part of a part': mixed('b', text, mixed('c', text, exe)),
    'after a part with parts': mixed('b', mixed('c', text), exe),
    'a multipart': mixed('b', text).replace('mixed;', 'mixed; name=a.exe;'),
    'attached message': mixed('b', attached(inner)),
    'attached message itself': attached(inner),
    'message in a message': mixed('b', attached(attached(mixed('d', attached(inner))))),
    'attached in base64': mixed('b', attached(base64(inner), 'base64'), text),
    'attached in quoted-printable': mixed(
      'b',
      attached(inner.replaceAll('=', '=3D').replace('filename', 'file=\nname'), 'quoted-printable'),
    ),
    'after an attached message': mixed('b', attached('Subject: x\n\nx\n'), exe),
    digest: mixed('b', `\n${inner}`).replace('mixed', 'digest'),
    'a bare CR before the delimiter': mixed('b', text, exe).replaceAll('--b\n', '\r--b\n'),
    'blanks behind the boundary': mixed('b', text, exe).replaceAll('--b\n', '--b \t\n'),
    'header cut by the end': exe.slice(0, exe.indexOf('\n\n')),
    'header cut by a boundary': mixed('b', exe.slice(0, exe.indexOf('\n\n')), text),
    'long boundary': mixed('x'.repeat(70), exe),
    'boundary in sections': mixed('bc', exe).replace(
      'boundary="bc"',
      'boundary*0=b;\n boundary*1="c"',
    ),
  }
  for (const [name, message] of Object.entries(cases)) {
    t.equal(await outcome(message), 'a.exe', name)
    t.equal(await outcome(crlf(message)), 'a.exe', `${name}, CRLF`)
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
    for (const one of parts) {
      t.equal(await outcome(one), 'content executable')
      t.equal(await outcome(mixed('b', text, one)), 'content executable')
    }
  }
})

t.test('where readers of mail may disagree, it says why', async (t) => {
  const cases: [string, string, RegExp][] = [
    ['no closing boundary', mixed('b', text).replace('--b--', ''), /not closed/],
    ['no opening boundary', mixed('b'), /without parts/],
    ['no boundary line at all', mixed('b').replace('--b--', ''), /not closed/],
    ['no boundary parameter', 'Content-Type: multipart/mixed\n\n--b\n\n--b--\n', /without a bound/],
    ['empty boundary', mixed('', text), /without a boundary/],
    ['two boundaries', mixed('b', text).replace('boundary=', 'boundary=c; boundary='), /two ways/],
    ['boundary with more', mixed('b', text).replace('"b"', '"b"c'), /two ways/],
    [
      'boundary with a comment',
      mixed('b', text).replace('boundary', '(boundary=c;) boundary'),
      /a comment/,
    ],
    [
      'a boundary inside quotes',
      mixed('b', text).replace('boundary=', 'x="; boundary=c"; boundary='),
      /two ways/,
    ],
    [
      'an inner multipart that is not closed',
      mixed('b', mixed('c', text).replace('--c--', ''), text),
      /inside another/,
    ],
    ['a part after the end', `${mixed('b', text)}--b\n\nx\n--b--\n`, /behind the end/],
    ['two types', `Content-Type: text/plain\n${mixed('b', text)}`, /two Content-Type/],
    [
      'two encodings',
      'Content-Transfer-Encoding: 7bit\nContent-Transfer-Encoding: base64\n\nx\n',
      /two Content-Transfer/,
    ],
    ['junk in a header', mixed('b', `junk\n${text}`), /no field/],
    ['a comment in a field name', `(c)Content-Type: text/plain\n\nx\n`, /no field/],
    [
      'a type that cannot be read',
      'Content-Type: multipart; boundary=b\n\n--b\n',
      /cannot be read/,
    ],
    [
      'bare CR in a header',
      'Subject: x\rContent-Type: multipart/mixed; boundary=b\n\n--b\n',
      /bare CR/,
    ],
    ['NUL in a header', 'Content-Type: text/plain\0; name=x\n\n', /NUL/],
    [
      'multipart in base64',
      `Content-Transfer-Encoding: base64\n${mixed('b', text)}`,
      /multipart in base64/,
    ],
    ['cut base64', `Content-Transfer-Encoding: base64\n\n${base64('hello').slice(0, 6)}\n`, /cut/],
    ['base64 cut in its padding', 'Content-Transfer-Encoding: base64\n\naA=\n', /cut/],
    ['cut base64 of a message', attached(base64('Subject: x\n\nx\n').slice(0, 6), 'base64'), /cut/],
    [
      'base64 of a message that goes on',
      attached(`${base64('Subject: x\n\nx')}\neHh4\n`, 'base64'),
      /goes on/,
    ],
    ['a message in an unknown encoding', attached('Subject: x\n\nx\n', 'x-own'), /not known/],
    ['a quote that is not closed', disposed('attachment; filename="a.txt'), /quote/],
    ['too many parameters', disposed(`attachment${'; x=y'.repeat(200)}`), /parameters/],
    ['too many parts', mixed('b', ...Array(PARTS_MAX).fill(text)), /parts/],
    [
      'a header of 1 MiB',
      `Content-Type: text/plain\nX: ${'x'.repeat(1024 * 1024)}\n\nx\n`,
      /header of more/,
    ],
    ['multiparts too deep', nest(DEPTH_MAX + 1, (n, inner) => mixed(`b${n}`, inner)), /deep/],
    ['messages too deep', nest(MESSAGES_MAX + 1, (_, inner) => attached(inner)), /deep/],
  ]
  for (const [name, message, why] of cases) {
    t.match(await outcome(message), why, name)
    t.match(await outcome(message), /^defect: /, name)
  }
})

t.test('limits are not reached by what they allow', async (t) => {
  t.equal(await outcome(mixed('b', ...Array(PARTS_MAX - 1).fill(text))), 'clean')
  t.equal(await outcome(nest(DEPTH_MAX, (n, inner) => mixed(`b${n}`, inner), exe)), 'a.exe')
  t.equal(await outcome(nest(MESSAGES_MAX, (_, inner) => attached(inner), exe)), 'a.exe')
})

t.test('what is malformed does not hide what is banned', async (t) => {
  const unclosed = mixed('c', text).replace('--c--\nepilogue\n', '')
  const cases: Record<string, string> = {
    'a multipart before it is not closed': mixed('b', unclosed, exe),
    'two multiparts around it are not closed': mixed(
      'a',
      mixed('b', unclosed).replace('--b--', ''),
      exe,
    ),
    'a multipart before it has no parts': mixed('a', mixed('b', mixed('c'), text), exe),
    'a multipart before it is closed twice': mixed(
      'a',
      mixed('b', mixed('c', text, '--c--'), text),
      exe,
    ),
    'its multipart was closed': mixed('b', text).replace('epilogue', `--b\n${exe}`),
    'a file name before it that libmime cannot take': mixed(
      'b',
      'Content-Disposition: attachment; filename=x.constructor\n\n',
      exe,
    ),
    'a parameter before it that libmime cannot take': mixed(
      'b',
      disposed("x; __proto__*0*=utf-8''x"),
      exe,
    ),
    'a header before it is too long': mixed('b', `X: ${'x'.repeat(1024 * 1024)}\n\nx`, exe),
    'the header of its multipart is too long': `${mixed('b', exe).replace('\n', `\nX: ${'x'.repeat(1024 * 1024)}\n`)}`,
    'a header in a message before it is too long': mixed(
      'b',
      attached(`X: ${'x\n '.repeat(1024 * 1024)}\n\nx`),
      exe,
    ),
    'the header of its part has junk': mixed('b', `junk\n${exe}`),
    'its multipart has two boundaries': mixed('b', exe).replace(
      'boundary="b"',
      'boundary="b"; boundary="c"',
    ),
  }
  for (const [name, message] of Object.entries(cases))
    t.equal(await outcome(message), 'a.exe', name)
  t.notOk('charset' in {}, 'and nothing is left in Object.prototype')
})

t.test('what is found does not depend on the split', async (t) => {
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
        [
          crlf(mixed('b', mixed('c', text).replace('--c--', ''))),
          'defect: a multipart inside another is not closed',
        ],
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
