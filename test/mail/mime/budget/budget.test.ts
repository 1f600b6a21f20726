import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { budgetOf, limits } from '../../../../src/mail/mime/budget/limits.ts'
import { compressed, literal } from '../../../scanner/scan/scanners/evasions/containers.ts'
import { isNested, multipartBy } from '../nested-mail.ts'
import { readMail } from '../read-mail.ts'

/** A message is read by one budget. If that is not enough, the last step reports that something is left unread. */

const TYPE = 'Content-Type: application/octet-stream; name=a'
const BASE64 = 'Content-Transfer-Encoding: base64'
const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/.{76}/g, '$&\n')
const file = (bytes: Buffer) => `${TYPE}\n${BASE64}\n\n${base64(bytes)}`
const mixed = (parts: readonly string[]) =>
  multipartBy('Content-Type: multipart/mixed; boundary=b\n', 'b', parts)

const first = Buffer.from('the first file')
const last = Buffer.from('the last one')

/** The mail with a plain file before its odd parts, and one behind them. */
const around = (odd: readonly string[]) => mixed([file(first), ...odd, file(last)])

const numbered = (count: number, make: (n: number) => string) =>
  Array.from({ length: count }, (_, n) => make(n))

/** Base64 that readers decode in dozens of ways, other bytes in each part. */
const oddBase64 = (n: number) => {
  const text = Buffer.from(`number ${n} of many`).toString('base64')
  return `${TYPE}\n${BASE64}\n\n${text.slice(0, 9)}!${text.slice(9, 15)}=-\xd7\n${text.slice(15)}A=B`
}
const bomb = compressed(literal(Buffer.alloc(30_000_000), true), 'zlib')

const spent: Readonly<Record<string, readonly string[]>> = {
  'many files in odd base64': numbered(400, oddBase64),
  'a file that becomes too much, and does not declare what it is': [file(bomb)],
}

for (const [name, odd] of Object.entries(spent)) {
  t.test(`unread parts are reported: ${name}`, async (t) => {
    const read = readMail(around(odd))
    t.match(read.over, /^more|too many|too much/)
    t.ok(read.odd.includes('unread'))
    t.ok(read.texts.includes(first.toString()), 'what stands above it is given')
  })
}

/** Parts that cost much, each in some 4,000 bytes at most. */
const costly: Readonly<Record<string, readonly string[]>> = {
  'a part of odd base64': [
    `${TYPE}\n${BASE64}\n\n${numbered(100, (n) => `QUJDREVGR0hJSktM${n}Q==!\n`).join('')}`,
  ],
  'blocks of uuencode': [`\n${numbered(200, (n) => `begin 644 a${n}\n&${n}ABCDEFGHI\n`).join('')}`],
  'a mail of such blocks': [
    file(
      Buffer.from(`A: b\n\n${numbered(120, (n) => `begin 644 a${n}\n&${n}ABCDEFGHI\n`).join('')}`),
    ),
  ],
  'a container that becomes too much': [file(bomb)],
}

for (const [name, parts] of Object.entries(costly)) {
  t.test(`parts beside a costly part are yielded, or the mail is unread: ${name}`, async (t) => {
    const hidden = `${TYPE}\n${BASE64}\n\n${base64(Buffer.from('hidden in odd ways')).slice(0, 9)}=${base64(Buffer.from('hidden in odd ways')).slice(9)}`
    t.ok(readMail(mixed([hidden, ...parts])).texts.includes('hidden in odd ways'))
    const { texts, over } = readMail(mixed([...parts, hidden]))
    t.ok(texts.includes('hidden in odd ways') || over !== '')
  })
}

t.test('all of the odd parts that ordinary mail might have are read', async (t) => {
  const { over, odd } = readMail(around(numbered(5, oddBase64)))
  t.equal(over, '')
  t.notOk(odd.includes('unread'))
})

t.test('a message of up to 4 KiB may have 200 contents', async (t) => {
  t.equal(budgetOf(4096).contents, 200)
  t.equal(budgetOf(1).contents, 200)
})

t.test('more parts than the limit exceed it', async (t) => {
  const parts = (count: number) => mixed(numbered(count, (n) => `${TYPE}\n\nfile ${n}`))
  const some = parts(60)
  t.equal(readMail(some).over, '')
  const many = parts(1000)
  const { over, contents, odd } = readMail(many)
  const most = budgetOf(many.length).contents
  t.equal(over, `more than ${most} contents`)
  t.equal(contents.length, most)
  t.ok(odd.includes('unread'))
})

t.test('messages inside one another beyond the limit are deeper than is read', async (t) => {
  const nested = (count: number) =>
    `${numbered(count, (n) => `A: ${n}\nContent-Type: message/rfc822\n\n`).join('')}A: b\n\nx\n`
  t.notOk(isNested(Bytes.of(Buffer.from(nested(limits.nesting))), limits.nesting))
  t.ok(isNested(Bytes.of(Buffer.from(nested(limits.entities + 1))), limits.nesting))
})

t.test('OpenPGP packets of two bytes end at the limit of work, in any container', async (t) => {
  const packets = Buffer.alloc(4 * 1024 * 1024)
  for (let at = 0; at < packets.length; at += 2) packets[at] = 0xca // a marker of no bytes
  const file = (type: string) =>
    `Content-Type: ${type}\nContent-Transfer-Encoding: base64\n\n${packets.toString('base64')}\n`
  for (const type of ['application/octet-stream', 'application/pgp-encrypted']) {
    const message = file(type)
    const { over, odd, work } = readMail(message)
    t.same([over, odd.includes('unread')], ['too much work for its size', true], type)
    t.ok(work <= 2.1 * budgetOf(message.length).work, `${work} units`)
  }
})
