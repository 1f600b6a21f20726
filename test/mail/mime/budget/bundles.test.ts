import t from 'tap'
import { limits } from '../../../../src/mail/mime/budget/limits.ts'
import { attached, bundles } from '../../../messages/bundles.ts'
import { sampleOf } from '../../../run/is-whole.ts'
import { testFile } from '../../../scanner/scan/scanners/evasions/files.ts'
import { fateOf } from '../carver/fate.ts'

/** Ordinary mail and files of many messages or paragraphs: all of it is read, at a cost in proportion to its length. */

const latin1 = (text: string) => Buffer.from(text, 'latin1')
const times = (count: number, text: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => text(n))
const head = (n: number) =>
  `From: a@example.net\nDate: Sun, 29 Nov 2026 09:00:00 +0000\nMessage-ID: <${n}@example.net>\nSubject: s ${n}\nMIME-Version: 1.0\n`
const file = (n: number) =>
  `Content-Type: application/pdf; name="${n}.pdf"\nContent-Transfer-Encoding: base64\n\n${Buffer.from(`%PDF-1.4 ${n}\n`).toString('base64')}\n`

/** Upper limits for the units of work for a byte of these small messages, in an ordinary message and in an odd one. */
const WORK_PER_BYTE = 200
const WORK_PER_ODD_BYTE = 500

/** Messages as people send them, and some that programs read differently. */
const messages: Readonly<Record<string, (n: number) => string>> = {
  'HTML with comments': (n) =>
    `${head(n)}Content-Type: text/html; charset=UTF-8\nContent-Transfer-Encoding: quoted-printable\n\n<!-- a ${n} -->\n<p class=3D"x">hello\n-- \nAnn\n`,
  'a multipart without parts': (n) =>
    `${head(n)}Content-Type: multipart/mixed;boundary=------------------------${n}x\n\n--------------------------${n}x\n`,
  'text and HTML, with two files': (n) =>
    `${head(n)}Content-Type: multipart/mixed; boundary=b${n}\n\n--b${n}\nContent-Type: multipart/alternative; boundary=c${n}\n\n--c${n}\nContent-Type: text/plain\n\nhello ${n}\n--c${n}\nContent-Type: text/html\n\n<p>hello ${n}\n--c${n}--\n\n--b${n}\n${file(2 * n)}--b${n}\n${file(2 * n + 1)}--b${n}--\n`,
  'a type that programs read differently': (n) =>
    `${head(n)}Content-Type: text/html; charset=x; charset=y\nContent-Transfer-Encoding: quoted-printable\n\n<p>hello =3D ${n}\n`,
  'a line in the header that is no field': (n) =>
    `${head(n)}no field\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nPHA+aGVsbG8K\n`,
  'questions and answers': (n) =>
    `${head(n)}no field\nContent-Type: text/plain\n\n${times(20, (m) => `Q: what is ${m}?\nA: nothing\n\n`).join('')}`,
}

/** What is above each bundle: nothing, or a line for which programs read the whole differently. */
const tops = { '': '', ', in an odd message': 'X-Top: 1\nno field\n' }

/** Numbers of messages, and what each ends with: the line end below the last line may be that of the delimiter. */
const counts = [
  [18, '\n'],
  [250, ''],
] as const

/** Each so manieth bundle is read. It is odd, so that each number and each top has its turn. */
const STRIDE = 3

for (const [name, message] of Object.entries(messages)) {
  t.test(`bundles of messages: ${name}`, async (t) => {
    const forms = Object.entries(bundles).filter(([form]) => form !== 'mailbox') // no message
    const cases = forms.flatMap(([form, bundle]) =>
      Object.entries(tops).flatMap(([where, top]) =>
        counts.map(([count, end]) => ({ form, bundle, where, top, count, end })),
      ),
    )
    for (const { form, bundle, where, top, count, end } of sampleOf(cases, STRIDE)) {
      const mails = times(count, (n) => `${message(n).trimEnd()}${end}`)
      const mail = Buffer.concat([latin1(top), bundle(mails.map(latin1))])
      let work = 0
      const onWork = (units: number) => {
        work += units
      }
      const title = `${form} of ${count}${where}`
      t.equal(fateOf(mail, { onWork }).unread, '', title)
      const most = (top === '' ? WORK_PER_BYTE : WORK_PER_ODD_BYTE) * mail.length
      t.ok(work < most, `${title}: ${work} units`)
    }
  })
}

t.test('what the open header of an attached message takes in is read', async (t) => {
  const part = (lines: string) => `--b\n${lines}\n`
  const mail = (last: string) =>
    `${head(1)}Content-Type: multipart/mixed; boundary=b\n\n${part(`Content-Type: message/rfc822\n\nno field\n${last}`)}${part(`X: y\n\n${testFile.toString('hex').replace(/../g, '=$&')}`)}--b--\n`
  const encoded = 'Content-Type: application/octet-stream\nContent-Transfer-Encoding: x-qp'
  for (const last of [encoded, `X: y\n\nhello\n--c\n${encoded}`, `X: y\n\n${encoded}`])
    t.equal(fateOf(latin1(mail(last))).file, 'found', last)
})

const EICAR = `${Buffer.from(testFile).toString('base64')}\n`
/** What an attached message of odd structure may end with, so that some program does not find the delimiter below it. */
const crossings = {
  'a field that begins with a control character':
    'Subject: x\nno field\nContent-Type: message/rfc822\n\n\x0bContent-Transfer-Encoding: base64\n',
  'a field that begins with a non-breaking space':
    'Subject: x\nno field\nContent-Type: message/rfc822\n\n\xa0Content-Transfer-Encoding: base64\n',
  'a field that is folded in front of its colon':
    'Subject: x\nno field\nContent-Type: message/rfc822\n\nContent-Transfer-Encoding\n : base64\n',
  'the same in a digest':
    'no field\nContent-Type: multipart/digest; boundary=inner\n\n--inner\n\nContent-Transfer-Encoding\n : base64\n',
  'a header that declares parts, and passes over two delimiters':
    'no field\nContent-Type: multipart/mixed; boundary=inner\n\n--inner\nContent-Type: multipart/mixed; boundary=innermost\n--outer\nContent-Type: text/plain\n\n--innermost\nContent-Transfer-Encoding: base64\n',
  'a delimiter of a multipart that was not closed':
    'no field\nContent-Type: multipart/mixed; boundary=innermost\n\ntext\n--outer\nContent-Type: text/plain\n\n--innermost\nContent-Transfer-Encoding: base64\n\n',
  'a boundary that ends in dashes':
    'no field\nContent-Type: multipart/mixed; boundary="abcdefgh--"\n\n--abcdefgh--\n\ntext\n\n--abcdefgh--\n\xefContent-Transfer-Encoding: base64\n',
  'a line that closes a multipart':
    'no field\nContent-Type: multipart/mixed; boundary=abcdefgh\n\ntext\n\n--abcdefgh--\n>Content-Transfer-Encoding: base64\n',
  'an empty line of CR LF among lines that end in LF':
    'no field\nContent-Transfer-Encoding: base64\n\r\n',
  'a type in comments':
    'no field\nContent-Type: m(x)essage/rf(c)c822\n\n>Content-Transfer-Encoding: base64\n',
  'a field name in comments':
    'no field\n(xxxx)Con(x)tent-Type: m(x)essage/rf(c)c822\n\n>Content-Transfer-Encoding: base64\n',
  'a type in an encoded word':
    'Subject: x\nContent-Type: =?us-ascii?Q?m=65ssage/rf=63822?=\n\n>Content-Transfer-Encoding: base64\n',
  'a line that begins with two CRs': 'Subject: x\n\n\r\r\n',
  'an empty line above a header': 'no field\nX: y\n\n\nContent-Transfer-Encoding: base64\n',
  'a part without a header':
    'no field\nContent-Type: multipart/mixed; boundary=innermost\n\n--innermost\n\nContent-Transfer-Encoding: base64\n',
}

t.test(
  'a program that does not find the end of an attached message sees nothing else',
  async (t) => {
    for (const [title, message] of Object.entries(crossings))
      for (const end of ['\n', '\r\n']) {
        const mail = `Content-Type: multipart/mixed; boundary=outer\n\n--outer\nContent-Type: message/rfc822\n\n${message}--outer\n\n${EICAR}--outer--\n`
        t.equal(fateOf(latin1(mail.replaceAll('\n', end))).file, 'found', title)
      }
  },
)

t.test(
  'a program finds the delimiters of a multipart below the part that it is in, too',
  async (t) => {
    const multipart = (boundary: string, ...parts: string[]) =>
      `Content-Type: multipart/mixed; boundary=${boundary}\n\n${parts.map((part) => `--${boundary}\n${part}\n`).join('')}--${boundary}--\n`
    for (const [above, boundary] of [
      ['', 'innermost'],
      ['Content-Type: message/rfc822\n\n', 'innermost'],
      ['Content-Type: message/rfc822\n\nno field\n', 'innermost'],
      ['Content-Type: message/rfc822\n\nX: boundary="boundary=inner"\nno field\n', 'inner!most'],
    ] as const) {
      const mail = multipart(
        'outer',
        `${above}${multipart(boundary, '\ntext\n\ntext')}`,
        `\nhello\n--${boundary}\nContent-Transfer-Encoding: base64`,
        `\n${EICAR}`,
      )
      for (const end of ['\n', '\r\n'])
        t.equal(fateOf(latin1(mail.replaceAll('\n', end))).file, 'found', above)
    }
  },
)

t.test('no header is read as its own body', async (t) => {
  // Each decoding of it would be another header, with another body.
  const fields = 'Content-Disposition: attachment; filename="report.com"\n'
  for (const encoding of ['base64', 'quoted-printable'])
    for (const name of ['Content-Transfer-Encoding', 'Content-Transfer-Encoding  '])
      for (const top of ['', 'Subject: x\n', 'no field\n', `${fields}no field\n`]) {
        const mail = `${top}${name}: ${encoding}\n${fields}`
        t.ok(fateOf(latin1(mail)).contents < 20, mail)
      }
})

/** Texts whose paragraphs begin like a field. */
const texts: Readonly<Record<string, string>> = {
  'a.txt': times(20, (n) => `Q: what is ${n}?\nA: nothing\nat all.\n\n`).join(''),
  'contacts.txt': times(20, (n) => `Name: ${n}\nPhone: 1\nat home\n\n`).join(''),
  'chat.txt': `Date: 1.1.2026\na chat of two\n\n${times(20, (n) => `Ann: hello ${n}\n\n`).join('')}`,
  'values.yaml': times(20, (n) => `kind: Pod\nname: p${n}\nspec:\n  a: 1\n- x\n\n`).join(''),
  'x.templates': times(20, (n) => `Template: x/${n}\nType: select\n a\nb\n\n`).join(''),
  'de.po': `msgid ""\nmsgstr ""\n"MIME-Version: 1.0\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n${times(20, (n) => `#: a.c:${n}\nmsgid "a${n}"\nmsgstr "b"\n\n`).join('')}`,
}

for (const [name, text] of Object.entries(texts)) {
  t.test(`a text of paragraphs like headers: ${name}`, async (t) => {
    t.equal(fateOf(attached(latin1(text), name)).unread, '', 'attached')
    const odd = `${head(1)}no field\nContent-Type: text/plain\n\n${text}`
    t.equal(fateOf(latin1(odd)).unread, '', 'in an odd mail')
    t.equal(
      fateOf(latin1(`${head(1)}Content-Type: text/plain\n\n\0${text}`)).unread,
      '',
      'with a NUL',
    )
    t.equal(fateOf(latin1(text)).unread, '', 'as a mail')
  })
}

t.test('a page with a thousand small pictures in data: URLs is one content', async (t) => {
  const picture = (n: number) => Buffer.from(`\x89PNG\r\n\x1a\n${n}`.repeat(20), 'latin1')
  const page = times(
    1000,
    (n) => `<img src="data:image/png;base64,${picture(n).toString('base64')}">\n`,
  ).join('')
  const { unread, contents } = fateOf(attached(latin1(page), 'report.html'))
  t.equal(unread, '')
  t.equal(contents, 1)
})

t.test('what lines declare inside one another is nested, beside whatever else', async (t) => {
  const deep = times(
    limits.nesting + 1,
    (n) =>
      `Subject: ${n}\nno field\nContent-Type: multipart/mixed; boundary=deep${n}\n\n--deep${n}\n`,
  ).join('')
  const all = times(3, messages['HTML with comments']!).map(latin1)
  for (const bundle of [bundles.forwards, bundles.digest, bundles['attached files']])
    t.equal(fateOf(bundle([...all, latin1(deep), ...all])).unread, 'nested too deep')
})
