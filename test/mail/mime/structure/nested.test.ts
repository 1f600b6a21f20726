import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { limits } from '../../../../src/mail/mime/budget/limits.ts'
import {
  attached,
  base64,
  file,
  forwarded,
  inMultipart,
  isNested,
  message,
  multipart,
  multipartBy,
  text,
  wrap,
} from '../nested-mail.ts'

const isDeeper = (bytes: Buffer, limit: number) => isNested(Bytes.of(bytes), limit)

/** The least limit that it is within. */
function depthOf(bytes: Buffer): number {
  let limit = 0
  while (isDeeper(bytes, limit)) limit++
  return limit
}

const crlf = (bytes: Buffer) =>
  Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
const plainly = (boundary: string) => `Content-Type: multipart/mixed; boundary="${boundary}"\n`
const alone = (part: string) => multipart([`Content-Type: message/rfc822\n\n${part}`])
const three = wrap(3, text, inMultipart)

const exact: Readonly<Record<string, readonly [Buffer, number]>> = {
  'an empty message': [Buffer.alloc(0), 0],
  'a header without a body': [message('Subject: x\n'), 0],
  'plain text': [message(text), 0],
  'a header of two lines to programs for which a CR ends a line': [
    message(`Subject: x\r${wrap(15, text, inMultipart)}`),
    15,
  ],
  'a text and its HTML': [message(multipart([text, text], 'alternative')), 1],
  'twenty multiparts': [message(wrap(20, text, inMultipart)), 20],
  'twenty multiparts in CRLF': [crlf(message(wrap(20, text, inMultipart))), 20],
  'multiparts of all sorts': [
    message(
      ['mixed', 'alternative', 'related', 'digest', 'signed', 'x-odd'].reduce(
        (part, subtype) => multipart([part], subtype),
        text,
      ),
    ),
    6,
  ],
  'twenty messages, each the whole content of the next': [message(wrap(20, text, attached)), 20],
  'twenty messages, each a part of the next': [message(wrap(20, text, forwarded)), 20],
  'the same in an odd message, each without fields of its own above its multipart': [
    message(`X-Odd: \0\n${wrap(20, text, alone)}`),
    20,
  ],
  'the same in an odd message, each below one more empty line': [
    message(`X-Odd: \0\n${wrap(20, text, (part) => alone(`\nFrom: a@example.org\n${part}`))}`),
    20,
  ],
  'attached messages are counted apart from the multiparts in each': [
    message(wrap(6, wrap(4, text, inMultipart), forwarded)),
    6,
  ],
  'messages as whole contents count with multiparts': [
    message(wrap(5, wrap(7, text, inMultipart), attached)),
    12,
  ],
  'an attached message whose first line libclamav takes for one of the part': [
    message(wrap(4, `Content-Type: message/rfc822\n\n${wrap(3, text, inMultipart)}`, inMultipart)),
    4 + 3,
  ],
  'an attached message whose type some readers do not understand': [
    message(wrap(4, attached(wrap(3, text, inMultipart), 'message/rfc822 x'), inMultipart)),
    4 + 1 + 3,
  ],
  'an attached message of a digest, by its type and without': [
    message(
      wrap(
        4,
        multipart(
          [attached(wrap(3, text, inMultipart)), `\nSubject: x\n${wrap(3, text, inMultipart)}`],
          'digest',
        ),
        inMultipart,
      ),
    ),
    5,
  ],
  'a part of a digest that is a text, in which some readers find multiparts': [
    message(multipart([`Content-Type: text/plain\n\n${three}`], 'digest')),
    1 + 3,
  ],
  'a part of a digest that has a boundary, and no type': [
    message(multipart([`Content-Type: ; boundary="q"\n\n--q\n${three}`], 'digest')),
    5,
  ],
  'an attached message that has a boundary, too': [
    message(
      wrap(4, `Content-Type: message/rfc822; boundary=q\n\nSubject: x\n${three}`, inMultipart),
    ),
    4 + 1 + 3,
  ],
  'an attached message in whose header the multipart ends': [
    message(
      `${plainly('b')}\n--b\nContent-Type: message/rfc822\n--b--\n${plainly('c')}\n--c\n${three}`,
    ),
    1 + 1 + 3,
  ],
  'a message of a digest in whose header another one begins': [
    message(
      `Content-Type: multipart/digest; boundary=b\n\n--b\nX: y\n--b\nSubject: x\n\nX: y\n${three}`,
    ),
    3,
  ],
  'a delimiter below the header of a message that stands in a text': [
    message(`${plainly('b')}\n--b\n\nHello\nContent-Type: message/rfc822\n--b\n${three}`),
    4,
  ],
  'a delimiter inside of another multipart that some readers do not know': [
    message(`${plainly('b')}\n--b\n${plainly('c')}\n--c\n\nx\n--b \n\ny\n--c\n${three}`),
    5,
  ],
  'message/* of any name': [
    message(
      ['global', 'news', 'partial', 'external-body', 'http', 'x', 'delivery-status'].reduce(
        (part, subtype) => multipart([attached(part, `message/${subtype}`)]),
        text,
      ),
    ),
    7,
  ],
  'messages in base64': [
    message(wrap(12, text, (part) => multipart([file(`Subject: s\n${part}`, 'message/rfc822')]))),
    12,
  ],
  'mail in files of no type, of which the innermost holds a message': [
    message(wrap(6, attached(text), (part) => multipart([file(`Received: x\n${part}`)]))),
    7,
  ],
}

for (const [name, [bytes, depth]] of Object.entries(exact)) {
  t.test(`${name}: ${depth}`, async (t) => t.equal(depthOf(bytes), depth))
}

const asOutlook = (part: string) =>
  multipart([multipart([text, multipart([text, file('image')], 'related')], 'alternative'), part])

/** What people send. */
const ordinary: Readonly<Record<string, Buffer>> = {
  'ten forwards of forwards, each with text, HTML and images': message(
    wrap(10, asOutlook(text), (part) => asOutlook(attached(part))),
  ),
  'ten forwards of signed mail': message(
    wrap(10, text, (part) =>
      multipart([multipart([text, attached(part)]), file('signature')], 'signed'),
    ),
  ),
  'a digest of fifty messages with attachments and signatures': message(
    multipart(
      Array.from({ length: 50 }, () =>
        attached(multipart([`${text}\n-- \nJohn\n`, asOutlook(file('pdf'))])),
      ),
      'digest',
    ),
  ),
  'an attached mailbox that is called text': message(
    multipart([
      text,
      `Content-Type: text/plain; name=mbox\n\n${`From a@b\nSubject: s\n${wrap(3, text, inMultipart)}\n`.repeat(50)}`,
    ]),
  ),
  'four messages in quoted-printable inside one another': message(
    wrap(4, text, (part) => {
      const type = 'Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n'
      return multipart([`${type}\nSubject: s\n${part.replaceAll('=', '=3D')}`])
    }),
  ),
  'fifty text files in base64 that look like fields': message(
    multipart(Array.from({ length: 50 }, () => file('BEGIN:VCARD\nVERSION:3.0\nEND:VCARD\n'))),
  ),
}

for (const [name, bytes] of Object.entries(ordinary)) {
  t.test(`${name}: no more than 10`, async (t) => {
    t.notOk(isDeeper(bytes, 10))
    t.notOk(isDeeper(crlf(bytes), 10), 'in CRLF')
  })
}

/** A multipart at level `level` by a header, with more lines behind the delimiter. */
const layered = (
  header: (boundary: string) => string,
  junk: (level: number) => string = () => '',
) => {
  let level = 100
  return message(
    wrap(20, text, (part) => {
      level--
      return multipartBy(header(`b${level}`), `b${level}`, [`${junk(level)}${part}`])
    }),
  )
}
/** Twenty multiparts that some reader sees. */
const hostile: Readonly<Record<string, Buffer>> = {
  'two boundaries': layered((b) => `Content-Type: multipart/mixed; boundary=zz; boundary=${b}\n`),
  'a quote that stays open': layered((b) => `Content-Type: multipart/mixed; boundary="${b}\n`),
  'a field of 300 KB before it': layered(
    (b) =>
      `X: ${'x'.repeat(b === 'b90' ? 300_000 : 1)}\nContent-Type: multipart/x; ${'a=b; '.repeat(b === 'b91' ? 60_000 : 1)} boundary=${b}\n`,
  ),
  'delimiters of multiparts around among the fields': layered(
    plainly,
    (level) => `X: y\n--b${level}\n--b${level}--\n`,
  ),
  'delimiters in other letters, with junk behind': layered(
    plainly,
    (level) => `Content-Type: text/plain\n\n--B${level} junk\n`,
  ),
  'a delimiter again behind the end': message(
    wrap(20, text, (part) => {
      const boundary = `c${part.length}`
      return `${plainly(boundary)}\n--${boundary}\n\n--${boundary}--\n\n--${boundary}\n${part}`
    }),
  ),
  'a digest of digests without a type': message(
    wrap(20, text, (part) => {
      const boundary = `d${part.length}`
      return multipartBy(`Content-Type: multipart/digest; boundary=${boundary}\n`, boundary, [
        `\nSubject: s\n${part}`,
      ])
    }),
  ),
}

for (const [name, bytes] of Object.entries(hostile)) {
  t.test(`${name}: 20 or more`, async (t) => {
    t.ok(isDeeper(bytes, 19))
    t.ok(isDeeper(crlf(bytes), 19), 'in CRLF')
  })
}

t.test('more encoded messages inside one another than are read are too deep', async (t) => {
  const type = 'Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n'
  const mail = message(wrap(90, text, (part) => `${type}\nSubject: s\n${part}`))
  t.equal(isNested(Bytes.of(mail), limits.nesting), true)
})

t.test('mail that costs too much work is too deep, if it is, whoever reads it', async (t) => {
  const long = `${text}${'a line of a long text\n'.repeat(10_000)}`
  for (const [name, top, work] of [
    ['ordinary', '', 3_000_000],
    ['carved', 'X-Odd: \0\n', 5_000_000],
  ] as const) {
    const mail = Bytes.of(message(`${top}${wrap(300, long, forwarded)}`))
    const budget = { bytes: mail.size, contents: 1000, work }
    t.equal(isNested(mail, limits.nesting, { budget }), true, name)
    t.throws(() => isNested(mail, 500, { budget }), { message: 'too much work for its size' }, name)
  }
})

t.test('a message without parts costs a search of its bytes', async (t) => {
  const pdf = `Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n${base64('%PDF-1.4\n'.repeat(50_000))}`
  for (const content of [`Content-Type: text/plain\n\n${'Hello\n'.repeat(50_000)}`, pdf]) {
    let work = 0
    const onWork = (units: number) => {
      work += units
    }
    t.equal(isNested(Bytes.of(message(content)), 12, { onWork }), false)
    t.ok(work < content.length / 3, `${work} units for ${content.length} bytes`)
  }
})
