import * as crypto from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { FREE_MAX, MAIL_LINE_MAX } from '../../../../../src/mail/message/content-fields.ts'
import { Header } from '../../../../../src/mail/message/header-block.ts'
import {
  exactFingerprintOf,
  fingerprintOf,
} from '../../../../../src/scanner/scan/verdicts/copies/fingerprint.ts'
import { deriveSecrets } from '../../../../../src/scanner/scan/verdicts/copies/secrets.ts'
import { free, independentFingerprint, named, SCAN, subjectOf } from './subjects.ts'

const secret = deriveSecrets(Buffer.alloc(32, 7), crypto).fingerprint
const bytes = (text: string) => Buffer.from(text, 'latin1')

function print(message: string | Buffer, scan = SCAN): string | undefined {
  const subject = subjectOf(typeof message === 'string' ? bytes(message) : message, scan)
  return fingerprintOf(subject, secret, crypto)
}

const letter =
  'Received: from a by b; Fri, 20 Nov 2026 10:00:00 +0000\n' +
  'DKIM-Signature: v=1; b=abc\n' +
  'Date: Fri, 20 Nov 2026 10:00:00 +0000\n' +
  'From: news@example.org\n' +
  'To: ann@example.net\n' +
  'Message-ID: <1@example.org>\n' +
  'Subject: November\n' +
  'MIME-Version: 1.0\n' +
  'Content-Type: multipart/mixed;\n boundary="a b"\n' +
  '\n--a b\n\nHello\n--a b--\n'

const changed = (from: string, to: string) => letter.replace(from, () => to)

t.test('copies of a message share one fingerprint', async (t) => {
  const copies = [
    changed('ann@example.net', 'Ben <ben@example.com>, carl@example.com'),
    changed('<1@example.org>', '<2@example.org>'),
    changed('Date: Fri, 20', 'Date: Sat, 21'),
    changed('b=abc', 'b=def'),
    `Return-Path: <x@example.org>\nDelivered-To: ann\n${letter}`,
    `Received: from c by d; later\n\twith a fold\n${letter}`,
    letter.slice(letter.indexOf('Date:')),
    `X-SHA256-Cluster-1: whatever\nX-MD5-Cluster-2: this\n${letter}`,
    `X-QHPSI: clean\nARC-Seal: i=1\nAuthentication-Results: x\n${letter}`,
  ]
  for (const copy of copies) t.equal(print(copy), print(letter))
})

t.test('a fingerprint depends on anything by which a reader of mail may decode', async (t) => {
  const others = [
    changed('boundary="a b"', 'boundary="a  b"'),
    changed(';\n boundary', ';\n\tboundary'),
    changed('Content-Type:', 'Content-type:'),
    changed('Hello', 'hello'),
    changed('From: news', 'From: olds'),
    changed('Subject: November', 'Subject: December'),
    changed('MIME-Version: 1.0\n', ''),
    changed('\n\n--a b', '\nContent-Transfer-Encoding: base64\n\n--a b'),
    changed('\n\n--a b', '\nContent-Length: 3\n\n--a b'),
    changed('Subject: November\nMIME-Version: 1.0\n', 'MIME-Version: 1.0\nSubject: November\n'),
    letter.replaceAll('\n', '\r\n'),
    `X-Anything: new\n${letter}`,
  ]
  const prints = new Set([letter, ...others].map((message) => print(message)))
  t.equal(prints.size, others.length + 1)
  t.notOk(prints.has(undefined))
})

t.test('a fingerprint has the places of To, Cc, Date and Message-ID, not values', async (t) => {
  const to = 'To: ann@example.net\n'
  const others = [
    changed(to, ''),
    changed(to, `${to}Cc: ben@example.net\n`),
    changed(to, `${to}${to}`),
    changed(to, '').replace('\n\n--a b', `\n${to}\n--a b`),
    changed(to, 'Cc: ann@example.net\n'),
    changed(to, 'X-To: ann@example.net\n'),
  ]
  const prints = new Set([letter, ...others].map((message) => print(message)))
  t.equal(prints.size, others.length + 1)
})

t.test('a fingerprint depends on the description of the scan and on the secret', async (t) => {
  t.not(print(letter, SCAN.replace('always', 'never')), print(letter))
  const subject = subjectOf(bytes(letter))
  const other = fingerprintOf(subject, Buffer.alloc(32, 8), crypto)
  t.not(other, print(letter))
})

t.test('a message that is not well formed has no fingerprint', async (t) => {
  const odd = [
    'no header at all',
    '\nempty header\n',
    changed('Subject: November', 'Subject: Nov\rember'),
    changed('Subject: November', 'Subject: Nov\0ember'),
    changed('Subject: November', 'Subject : November'),
    changed('Subject: November', 'Subject: November\n  \n more'),
    changed('Subject: November', 'Subject: November\nno field'),
    changed('Hello\n', 'Hello\r\n'),
    `From a Fri\n${letter}`,
  ]
  for (const message of odd) t.equal(print(message), undefined, JSON.stringify(message))
  const subject = subjectOf(bytes(letter))
  t.equal(fingerprintOf({ ...subject, header: new Header(bytes('\n')) }, secret, crypto), undefined)
  t.equal(fingerprintOf({ ...subject, bodyDigest: undefined }, secret, crypto), undefined)
})

// promise: verdict-forged
t.test('the fields that are left out are too short to make a scanner stop reading', async (t) => {
  const long = (length: number) =>
    changed('ann@example.net', `${`${'x'.repeat(899)}\n `.repeat(length / 901)}x`)
  t.equal(print(long(FREE_MAX - 1000)), print(letter))
  t.equal(print(long(FREE_MAX + 1000)), undefined)
  const line = (length: number) => changed('To: ann@example.net', `To: ${'x'.repeat(length - 4)}`)
  t.equal(print(line(MAIL_LINE_MAX)), print(letter))
  t.equal(print(line(MAIL_LINE_MAX + 1)), undefined)
  const folded = (length: number) =>
    changed('ann@example.net', `ann,\n ${'x'.repeat(length - 1)},\n ben`)
  t.equal(print(folded(MAIL_LINE_MAX - 1)), print(letter))
  t.equal(print(folded(MAIL_LINE_MAX)), undefined, 'in the midst of a field, too')
  t.type(print(changed('November', 'x'.repeat(2000))), 'string', 'of a field that is held')
  const copies = (length: number) => `${`To: ${'x'.repeat(506)}\n`.repeat(length / 511)}`
  const most = `${copies(511 * 128)}To: ${'x'.repeat(123)}\n` // 128 bytes more make 64 KiB
  const all = (free: string) => `${free}From: a@example.org\n\nx\n`
  t.equal(Buffer.byteLength(most), FREE_MAX)
  t.type(print(all(most)), 'string')
  t.equal(print(all(most.replace('x\n', 'xx\n'))), undefined)
  const hops = 'Received: from somewhere by somewhere else; today\n'
  t.equal(print(hops.repeat(100) + letter), print(letter))
  t.equal(print(hops.repeat(2000) + letter), undefined)
  t.equal(print(changed('ann@', 'an\x01n@')), undefined)
  t.equal(print(changed('<1@', '<\x7f1@')), undefined)
  t.equal(print(changed('ann@', 'Ånn@')), print(letter))
  t.equal(print(changed('To: ann', 'To: =?utf-8?Q?=C3=85nn?= ann')), print(letter))
  t.equal(print(changed('To: ann', 'To: =?utf-8?Q?=0AContent-Type:_x?= ann')), undefined)
})

t.test('the fields of which nothing or the name counts are those of the text', async (t) => {
  for (const name of free) t.equal(print(`${name}: x\n${letter}`), print(letter), name)
  for (const name of named) {
    const one = print(`${name}: x\n${letter}`)
    t.equal(print(`${name}: y\n${letter}`), one, name)
    t.not(one, print(letter), name)
  }
  for (const name of ['content-length', 'reply-to', 'sender', 'x-received']) {
    t.not(print(`${name}: 1\n${letter}`), print(`${name}: 2\n${letter}`), name)
  }
})

/** The fingerprint of a message that is delivered again. */
function exact(message: string): Promise<string> {
  const subject = subjectOf(bytes(message))
  const body = [bytes(message).subarray(subject.header.length)]
  return exactFingerprintOf(subject, body, secret, crypto)
}

t.test('a message that is delivered again has another kind of fingerprint', async (t) => {
  t.equal(await exact(changed('Date: Fri', 'Date: Sat')), await exact(letter))
  t.equal(await exact(`Received: from c by d\n${letter}`), await exact(letter))
  t.equal(await exact(changed('<1@', '<2@')), await exact(letter))
  t.not(await exact(changed('To: ann', 'To: ben')), await exact(letter))
  t.not(await exact(changed('b=abc', 'b=def')), await exact(letter))
  const to = 'To: ann@example.net\n'
  const delivered = (where: string) => changed(where, `Delivered-To: ann\n${where}`)
  t.not(await exact(delivered(to)), await exact(letter))
  t.not(await exact(delivered(to)), await exact(delivered('Subject')), 'nor its place')
  t.not(await exact(letter), print(letter))

  const odd = (change: (message: string) => string) => change(letter.replace(/$/, '\rodd\n'))
  const same = odd((message) => message)
  t.equal(print(same), undefined)
  t.equal(
    await exact(odd((message) => message.replace('Date: Fri', 'Date: Sat'))),
    await exact(same),
  )
  t.not(await exact(odd((message) => `${message}x`)), await exact(same))
  t.not(await exact(odd((message) => message.replace('To: ann', 'To: ben'))), await exact(same))
  t.not(
    await exact(changed('Date: Fri', 'Date: \x01')),
    await exact(letter),
    'what is odd is not left out',
  )
  t.not(
    await exact(changed('Date: Fri', `Date: ${'x'.repeat(MAIL_LINE_MAX)}`)),
    await exact(letter),
  )
})

t.test('odd fields distinguish messages that are delivered again', async (t) => {
  const odd = changed('Date: Fri', 'Date: \x01')
  t.not(await exact(odd), await exact(odd.replace('November', 'December')))
  t.not(await exact(odd), await exact(odd.replace('\x01', '\x02')))
})

t.test('an unhashed body is read, and other mail has turns meanwhile', async (t) => {
  const subject = subjectOf(bytes(letter))
  const unread = {
    [Symbol.iterator]() {
      throw new Error('the body was read')
    },
  }
  const hashed = await exactFingerprintOf(subject, unread, secret, crypto)
  const fields = /^Subject|^From|^To|^MIME|^Content|^DKIM/i
  const held = letter.slice(0, letter.indexOf('\n\n') + 1).split(/(?<=\n)(?![ \t])/)
  const sha256 = (text: string) => crypto.createHash('sha256').update(bytes(text)).digest('hex')
  const lines = (body: string) => {
    const shared = held.filter((field) => fields.test(field)).join('')
    return ['onescan-poison/1', SCAN, 'lf', body, shared].join('\n')
  }
  const named = (body: string) =>
    crypto.createHmac('sha256', secret).update(lines(body)).digest('base64url')
  t.same(hashed, named(subject.bodyDigest!), 'by its text')

  let turns = 0
  const other = setInterval(() => {}, 1000)
  const tick = () => {
    turns++
    timer = setImmediate(tick)
  }
  let timer = setImmediate(tick)
  t.teardown(() => {
    clearInterval(other)
    clearImmediate(timer)
  })
  const seen: number[] = []
  const half = Buffer.alloc(512 * 1024, 'x')
  function* body() {
    for (let n = 0; n < 4; n++) {
      seen.push(turns)
      yield half
    }
    seen.push(turns)
  }
  const raw = await exactFingerprintOf(
    { ...subject, bodyDigest: undefined },
    body(),
    secret,
    crypto,
  )
  t.same(raw, named(`raw ${sha256('x'.repeat(4 * half.length))}`))
  const [first, second, third, fourth, end] = seen as [number, number, number, number, number]
  t.ok(first === second && second < third && third === fourth && fourth < end, `${seen}`)
})

t.test('a second implementation makes the same fingerprints', async (t) => {
  const crlf = letter.replaceAll('\n', '\r\n')
  const latin1 = changed('November', 'M\xe4rz')
  for (const message of [letter, crlf, letter.slice(0, -1), latin1, 'A: b\n\n']) {
    t.equal(print(message), independentFingerprint(bytes(message), secret))
  }
  const vectors = [
    [letter, 'c8f0d982ceb6ca9d05cefe150129ef41937ea22732f218fe5717b91c74cb027f'],
    ['A: b\n\n', '5be08f090110738d960c4e0cbb9037e1fcdfb29ecff4cbb86be3182b38a1f472'],
  ] as const
  for (const [message, expected] of vectors) {
    t.equal(print(message), Buffer.from(expected, 'hex').toString('base64url'))
  }
})

const fieldName = fc.constantFrom(
  ...['Subject', 'From', 'To', 'Cc', 'Date', 'Message-ID', 'Received', 'Content-Type', 'X-Odd'],
  ...['MIME-Version', 'Delivered-To', 'Content-Transfer-Encoding', 'List-Id', 'DKIM-Signature'],
)
const value = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme-ascii' })
const mail = fc.record({
  fields: fc.array(fc.tuple(fieldName, value), { minLength: 1, maxLength: 8 }),
  body: fc.uint8Array({ maxLength: 80 }).map((array) => Buffer.from(array.map((b) => b || 1))),
})
type Mail = typeof mail extends fc.Arbitrary<infer Value> ? Value : never

function written({ fields, body }: Mail): Buffer {
  const header = fields.map(([name, text]) => `${name}: x${text}\n`).join('')
  return Buffer.concat([bytes(`${header}\n`), body])
}

/** All that a fingerprint depends on, by onescand(8), VERDICTS, and not by the program. */
function essence({ fields, body }: Mail): string {
  const held = fields.map(([name, text]) => {
    if (free.includes(name.toLowerCase())) return ''
    return named.includes(name.toLowerCase()) ? name : `${name}: x${text}`
  })
  const whole = body.length === 0 || body.at(-1) === 10 ? body : Buffer.concat([body, bytes('\n')])
  return JSON.stringify([held.filter(Boolean), whole.toString('latin1')])
}

// promise: verdict-forged
t.test('two messages share a fingerprint if, and only if, they are copies', async (t) => {
  let shared = 0
  fc.assert(
    fc.property(mail, mail, fc.boolean(), fc.boolean(), (first, second, sameBody, sameFields) => {
      const other: Mail = {
        fields: sameFields ? first.fields : second.fields,
        body: sameBody ? first.body : second.body,
      }
      const [a, b] = [print(written(first)), print(written(other))]
      if (a === undefined || b === undefined) return
      if (a === b) shared++
      t.equal(a === b, essence(first) === essence(other))
    }),
    { numRuns: 2000, seed: 13 },
  )
  t.ok(shared > 100, 'there were such')
})

t.test('no byte of the body can be changed, added or taken away', async (t) => {
  const at = letter.indexOf('\n\n') + 2
  const original = bytes(letter)
  fc.assert(
    fc.property(fc.integer({ min: at, max: original.length - 1 }), fc.nat(255), (where, byte) => {
      const copy = Buffer.from(original)
      copy[where] = byte
      t.equal(print(copy) === print(letter), copy.equals(original))
      const without = Buffer.concat([original.subarray(0, where), original.subarray(where + 1)])
      // A last line without its end is the same line.
      t.equal(print(without) === print(letter), where === original.length - 1)
      const more = [original.subarray(0, where), Buffer.of(byte), original.subarray(where)]
      t.not(print(Buffer.concat(more)), print(letter))
    }),
    { numRuns: 500, seed: 13 },
  )
})

t.test('no byte of a field that counts whole can be changed', async (t) => {
  const original = bytes(letter)
  const from = letter.indexOf('Subject:')
  const to = letter.indexOf('\n\n')
  fc.assert(
    fc.property(fc.integer({ min: from, max: to }), fc.nat(255), (where, byte) => {
      const copy = Buffer.from(original)
      copy[where] = byte
      t.equal(print(copy) === print(letter), copy.equals(original))
    }),
    { numRuns: 2000, seed: 13 },
  )
})
