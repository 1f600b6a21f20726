import t from 'tap'
import { budgetOf, limits } from '../../../src/mail/mime/shared/limits.ts'
import { compressed, literal } from '../../scan/scanners/evasions/containers.ts'
import { multipartBy } from './nested-mail.ts'
import { readMail } from './read-mail.ts'

/**
 * What is cheap in a mail comes first. What readers may make of the rest has a second budget, of which each
 * part has its share. If a share is not enough, all else is given, and the last step says that something is
 * left unread.
 */

const TYPE = 'Content-Type: application/octet-stream; name=a'
const BASE64 = 'Content-Transfer-Encoding: base64'
const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/.{76}/g, '$&\n')
const file = (bytes: Buffer) => `${TYPE}\n${BASE64}\n\n${base64(bytes)}`
const mixed = (parts: readonly string[]) =>
  multipartBy('Content-Type: multipart/mixed; boundary=b\n', 'b', parts)

const plainFiles = ['the first file', 'the one in the middle', 'the last one'].map(Buffer.from)
const [first, middle, last] = plainFiles as [Buffer, Buffer, Buffer]

/** The mail with a plain file before its odd parts, one among them, and one behind them. */
function around(odd: readonly string[]): string {
  const half = odd.length >> 1
  return mixed([file(first), ...odd.slice(0, half), file(middle), ...odd.slice(half), file(last)])
}

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
  'a file that becomes too much, and does not say what it is': [file(bomb)],
  'hundreds of delimiters with more behind them': [
    `\nx\n${numbered(1200, (n) => `--b y\n\nnumber ${n}\n`).join('')}`,
  ],
  'more boundaries than are looked for': numbered(
    limits.boundaries + 1,
    (n) => `Content-Type: multipart/mixed; boundary=c${n}\n\n--c${n}\n\nx\n--c${n}--\n`,
  ),
}

for (const [name, odd] of Object.entries(spent)) {
  t.test(`what is left unread is said, and plain parts are given: ${name}`, async (t) => {
    const read = readMail(around(odd))
    t.match(read.over, /^more|too many|too much/)
    t.ok(read.odd.includes('unread'))
    for (const plain of plainFiles) {
      t.ok(
        read.contents.some((content) => content.equals(plain)),
        plain.toString(),
      )
    }
  })
}

/** Parts that spend all that may be done, each in some 4,000 bytes at most. */
const greedy: Readonly<Record<string, readonly string[]>> = {
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

for (const [name, parts] of Object.entries(greedy)) {
  t.test(`no part takes what another needs: ${name}`, async (t) => {
    const hidden = `${TYPE}\n${BASE64}\n\n${base64(Buffer.from('hidden in odd ways')).slice(0, 9)}=${base64(Buffer.from('hidden in odd ways')).slice(9)}`
    for (const order of [
      [...parts, hidden],
      [hidden, ...parts],
    ]) {
      const { texts } = readMail(mixed(order))
      t.ok(texts.includes('hidden in odd ways'))
    }
  })
}

t.test('what parts leave of their shares is for those that need more', async (t) => {
  const one = `${TYPE}\n${BASE64}\n\n${numbered(150, (n) => `QUJDREVGR0hJSktM${n}Q==!\n`).join('')}`
  const others = numbered(20, (n) => `\nbegin 644 a\n#86${n}\n\`\nend\n`)
  t.equal(readMail(mixed([one, ...others])).over, '')
})

t.test('as many odd parts as ordinary mail might have are all read', async (t) => {
  const { over, odd } = readMail(around(numbered(5, oddBase64)))
  t.equal(over, '')
  t.notOk(odd.includes('unread'))
})

t.test('more contents than the limit are over', async (t) => {
  const parts = (count: number) => mixed(numbered(count, (n) => `${TYPE}\n\nfile ${n}`))
  const some = parts(150)
  t.equal(readMail(some).over, '')
  const many = parts(1000)
  const { over, contents, odd } = readMail(many)
  t.equal(over, `more than ${limits.contents} contents`)
  t.equal(contents.length, budgetOf(many.length).contents)
  t.ok(odd.includes('unread'))
})

t.test('more bytes than the limit are over', async (t) => {
  const opened = `${TYPE}.gpg\n${BASE64}\n\n${base64(bomb)}`
  t.ok(bomb.length * 1.4 < 1024 * 1024 && budgetOf(opened.length).bytes < 30_000_000)
  const { over, odd } = readMail(mixed([opened]))
  t.equal(over, 'contents of too many bytes')
  t.ok(odd.includes('unread'))
})

t.test('mails in one another beyond the limit are over if all readers open them', async (t) => {
  const nested = (depth: number, from: string): string =>
    depth === 0 ? from : nested(depth - 1, `A: b\n${file(Buffer.from(from, 'latin1'))}`)
  t.equal(readMail(nested(limits.depth, 'x')).over, '')
  t.match(readMail(nested(limits.depth + 2, 'x')).over, 'deep')
})

t.test('more contents at a time than the limit are over if all readers see them', async (t) => {
  const open = (count: number) =>
    `${numbered(count, (n) => `A: ${n}\nContent-Type: message/rfc822\n\n`).join('')}A: b\n\nx\n`
  t.notMatch(readMail(open(limits.open - 10)).over, 'at a time')
  t.match(readMail(open(limits.open + 10)).over, `${limits.open} at a time`)
})

t.test(
  'packets of OpenPGP of two bytes end at the limit of work, whatever they stand in',
  async (t) => {
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
  },
)
