import { createHash, randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import fc from 'fast-check'
import t from 'tap'
import { MemoryLease } from '../../../src/base/flow/memory-budget.ts'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { GatheredFile } from '../../../src/mail/message/gathered-file.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { budgetOf, limits } from '../../../src/mail/mime/budget/limits.ts'
import { contentsOf } from '../../../src/mail/mime/contents.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { lacks } from '../../needs.mjs'
import { isWhole } from '../../run/is-whole.ts'
import { base64, uuencode } from '../../scanner/scan/scanners/evasions/compose.ts'
import { testFile } from '../../scanner/scan/scanners/evasions/files.ts'
import { hiddenClasses } from '../../scanner/scan/scanners/second-look/classes.ts'
import { inChunks } from '../message/bytes.ts'
import { readMail } from './read-mail.ts'
import { examples } from './reports/oddity-examples.ts'

/** The test file, encoded. */
const inBase64 = base64(testFile)
const uuencoded = () => uuencode(testFile).split('\n')

const options = { openFile: () => openAnonymousFile(tmpdir()), createHash }

const contentsIn = (message: Buffer, cuts: readonly number[] = []) =>
  readMail(inChunks(message, cuts))

const holds = ({ texts }: ReturnType<typeof readMail>, what: string) =>
  texts.some((text) => text.includes(what))
const bytes = (text: string) => Buffer.from(text, 'latin1')
/** What is found in a message: its contents, and what is odd about it. */
const sorted = ({ texts, odd }: ReturnType<typeof readMail>) => [
  ...texts.toSorted(),
  ...[...new Set(odd)].sort(),
]

t.test('the file of every class that clamd misses is among the contents, each once', async (t) => {
  for (const { name, message } of hiddenClasses) {
    const found = contentsIn(message)
    t.ok(holds(found, EICAR), name)
    t.equal(found.over, '', name)
    t.equal(new Set(found.texts).size, found.texts.length, name)
  }
})

t.test('each mail of a digest is a content', async (t) => {
  const count = 20
  const inner = (at: number, type: string) =>
    `From: a\nSubject: ${at}\n${type}\nThe text of mail ${at},\nin two lines.\n`
  for (const end of ['\n', '\r\n'])
    for (const header of ['', 'Content-Type: message/rfc822\n'])
      for (const type of ['', 'Content-Type: text/plain; charset=utf-8\n']) {
        const mails = Array.from({ length: count }, (_, at) => inner(at, type))
        const parts = mails.map((mail) => `--b\n${header}\n${mail}\n`).join('')
        const digest = `From: a\nContent-Type: multipart/digest; boundary=b\n\n${parts}--b--\n`
        const mail = Bytes.of(bytes(digest.replaceAll('\n', end)))
        const asked: string[] = []
        for (const step of contentsOf(mail, options))
          if (step.kind === 'content') asked.push(step.bytes.gather().toString('latin1'))
        const whole = mails.map((mail) => mail.replaceAll('\n', end))
        const submitted = asked.filter((text) => text.startsWith('From: '))
        t.same(submitted, whole, JSON.stringify({ end, header, type }))
      }
})

t.test('base64 whose lines are decoded one by one is found, however many they are', async (t) => {
  // Four bytes make six characters, so every second line ends a group of four for readers that
  // join the lines.
  const pieces = EICAR.match(/.{1,4}/gs)!.map((piece) => piece.padEnd(4))
  const line = (piece: string) => Buffer.from(piece).toString('base64').replace(/=/g, '')
  for (const more of [0, 1, 2, 3, 400, 401]) {
    const lines = [...pieces, ...Array.from({ length: more }, () => 'more')].map(line)
    for (const end of ['\n', '\r\n']) {
      const mail = `From: a@example.org\nContent-Transfer-Encoding: base64\n\n${lines.join('\n')}\n`
      t.ok(
        holds(contentsIn(bytes(mail.replaceAll('\n', end))), EICAR),
        `${more} ${JSON.stringify(end)}`,
      )
    }
  }
})

t.test('however a message is split, it has the same parts and oddities', async (t) => {
  const odd = Object.entries(examples).flatMap(([name, { has, hasNot }]) =>
    [...has, ...hasNot].map((text) => ({ name, message: bytes(text) })),
  )
  const small = [...hiddenClasses, ...odd].filter(({ message }) => message.length < 3000)
  for (const { name, message } of small) {
    const whole = sorted(contentsIn(message))
    for (let cut = 1; cut < message.length; cut += isWhole ? 7 : 37) {
      const found = sorted(contentsIn(message, [cut]))
      if (String(found) !== String(whole)) t.same(found, whole, `${name} at ${cut}`)
    }
  }
  fc.assert(
    fc.property(
      fc.constantFrom(...small),
      fc.array(fc.nat(), { maxLength: 5 }),
      ({ message }, places) => {
        const cuts = places.map((place) => place % (message.length + 1))
        t.same(sorted(contentsIn(message, cuts)), sorted(contentsIn(message)))
      },
    ),
    { numRuns: 200 },
  )
})

t.test('programs with a thousand lines of `begin` are read whole', async (t) => {
  for (const line of ['begin', 'BEGIN', 'BEGIN TRANSACTION', 'BEGIN {', 'BEGIN\r']) {
    const program = `procedure x;\n${line}\n  y := 1;\nend;\n`.repeat(1000)
    const encoded = bytes(program).toString('base64').replace(/.{76}/g, '$&\n')
    const type = 'Content-Type: text/x-program; name="a.sql"'
    t.equal(contentsIn(bytes(`${type}\n\n${program}`)).over, '', line)
    const inBase64 = `${type}\nContent-Transfer-Encoding: base64\n\n${encoded}\n`
    t.equal(contentsIn(bytes(inBase64)).over, '', `${line} in base64`)
  }
})

t.test('hundreds of certificates end one by one', async (t) => {
  const data = (at: number) => `${createHash('sha512').update(`${at}`).digest('base64')}\n`
  const certificate = (at: number) =>
    `-----BEGIN CERTIFICATE-----\n${data(at)}${data(-at)}-----END CERTIFICATE-----\n`
  const texts = {
    'behind blanks': (at: number) => certificate(at).replace(/^/gm, '  '),
    'at the start of lines': certificate,
  }
  for (const [name, text] of Object.entries(texts)) {
    const all = Array.from({ length: 700 }, (_, at) => text(at)).join('')
    const { over } = contentsIn(bytes(`Content-Type: text/x-any; name=a\n\n${all}`))
    t.equal(over, '', name)
  }
})

t.test('a text with thousands of lines of base64 and of fields is one text', async (t) => {
  const digest = (at: number) => createHash('sha256').update(`${at}`).digest('hex')
  const lines = Array.from({ length: 3000 }, (_, at) => `${digest(at)}\nContent-Type: a/${at}\n\n`)
  for (const [type, most] of [
    ['text/plain', 0],
    ['application/octet-stream; name=a', 4],
  ] as const) {
    const { contents, over, odd } = contentsIn(bytes(`Content-Type: ${type}\n\n${lines.join('')}`))
    t.equal(over, '', type)
    t.equal(contents.length, most, type)
    t.same(odd, [], type)
  }
})

t.test('under a word for uuencode, a file of 1 MB is decoded by uuencode alone', async (t) => {
  const file = randomBytes(1024 * 1024)
  const found = contentsIn(bytes(`Content-Transfer-Encoding: x-uuencode\n\n${uuencode(file)}\n`))
  t.equal(found.over, '')
  t.ok(found.holds(file))
  t.ok(found.contents.length < 20, `${found.contents.length} contents`)
})

t.test('lines that are not uuencode do not end it, however many they are', async (t) => {
  const [begin = '', ...data] = uuencoded()
  for (const strange of ['hello world', 'z', '', '~~~~', 'END']) {
    const lines = [begin, ...Array<string>(5000).fill(strange), ...data]
    const found = contentsIn(bytes(`A: b\n\n${lines.join('\n')}\n\nAnd more text behind it.\n`))
    t.ok(holds(found, EICAR), JSON.stringify(strange))
    t.ok(found.holds(bytes(EICAR)), 'and nothing behind its end')
  }
})

t.test('other lines in uuencode do not cut it, for readers that skip them', async (t) => {
  const [begin = '', first = '', ...rest] = uuencoded()
  for (const amid of ['begin 644 x', '--x', 'Content-Type: x', '=ybegin line=9 name=a', '====']) {
    const lines = [begin, first, amid, ...rest]
    t.ok(holds(contentsIn(bytes(`A: b\n\n${lines.join('\n')}\n`)), EICAR), amid)
  }
})

t.test('a message within a message is looked into, to a depth that has an end', async (t) => {
  const fields = 'Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n'
  const nested = (depth: number) => {
    let mail = `${fields}${inBase64}`
    for (let at = 0; at < depth; at++) {
      const encoded = bytes(mail).toString('base64').replace(/.{76}/g, '$&\n')
      mail = `${fields}${encoded}\n`
    }
    return bytes(mail)
  }
  const deep = contentsIn(nested(limits.encodedMessages))
  t.ok(holds(deep, EICAR))
  t.equal(deep.over, '')
  t.match(contentsIn(nested(limits.encodedMessages + 1)).over, /encoded more than 12 deep/)
  const deeper = { maxDepth: limits.encodedMessages }
  t.equal(readMail(nested(limits.encodedMessages + 1), deeper).over, '', 'if as many may be nested')
})

t.test(
  'an ordinary part of a large message is given whole, and memory stays small',
  { skip: lacks('the addon') },
  async (t) => {
    const file = Buffer.alloc(30 * 1024 * 1024, 'a program of many bytes ')
    const encoded = file.toString('base64').replace(/.{76}/g, '$&\n')
    const message = bytes(`Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n${encoded}\n`)
    const spool = { directory: tmpdir(), sharedDirectory: undefined }
    const source = new GatheredFile({ spool }, MemoryLease.unlimited())
    t.teardown(() => source.close())
    source.write(message)
    const before = process.memoryUsage().arrayBuffers
    let most = 0
    let whole = false
    for (const step of contentsOf(source, options)) {
      most = Math.max(most, process.memoryUsage().arrayBuffers - before)
      if (step.kind !== 'content') continue
      let at = 0
      for (const chunk of step.bytes.chunks()) {
        if (chunk.compare(file, at, at + chunk.length) !== 0) t.fail(`differs at ${at}`)
        at += chunk.length
      }
      whole ||= at === file.length
    }
    t.ok(whole)
    t.comment(`${most} bytes in buffers at most`)
    t.ok(most < 8 * 1024 * 1024, 'not the content itself')
  },
)

t.test('a line that begins data is found where two pieces of a part meet', async (t) => {
  for (let at = 64 * 1024 - 40; at <= 64 * 1024 + 2; at++) {
    const content = bytes(`${'x'.repeat(at - 2)}\n\nbegin 644 a\n#86)C\nend\n`)
    const encoded = content.toString('base64').replace(/.{76}/g, '$&\n')
    const mail = `Content-Transfer-Encoding: base64\n\n${encoded}\n`
    t.ok(contentsIn(bytes(mail)).holds(bytes('abc')), `at ${at}`)
  }
})

t.test('a caller that stops early leaks no file', async (t) => {
  let opened = 0
  const counted = {
    createHash,
    openFile: () => {
      opened++
      return openAnonymousFile(tmpdir())
    },
  }
  const encoded = Buffer.alloc(8 * 1024 * 1024, 'x')
    .toString('base64')
    .replace(/.{76}/g, '$&\n')
  const message = bytes(`Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n${encoded}\n`)
  const before = openDescriptors()
  for (const step of contentsOf(Bytes.of(message), counted)) {
    if (step.kind === 'content') break
  }
  t.ok(opened > 0)
  t.equal(openDescriptors(), before)
})

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

/** A file of a megabyte in base64 between two delimiters. */
function fileIn(boundary: string, behind = ''): Buffer {
  const type = `Content-Type: multipart/mixed; boundary="${boundary}"`
  const data = randomBytes(1_000_000).toString('base64').replace(/.{76}/g, '$&\n')
  const part = `Content-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: base64\n\n${data}`
  return bytes(`${type}\n\n--${boundary}\n${part}\n${behind}--${boundary}--\n`)
}

t.test('a boundary with the word boundary in it is as good as any other', async (t) => {
  for (const boundary of ['boundary', 'a-boundary', '==Multipart_Boundary_x1_Boundary']) {
    const { contents, over } = contentsIn(fileIn(boundary))
    t.equal(over, '', boundary)
    t.equal(contents.length, 1, boundary)
  }
})

t.test(
  'a file in base64 with a footer is read as each program does, within the limits',
  async (t) => {
    const footer = '\n-- \nlist_of-all (c) 2026: subject = all\nhttps://example.org/list?id=1\n'
    for (const behind of [footer, footer.replace('all', 'f\xfcr alle')]) {
      const { contents, over } = contentsIn(fileIn('b1', behind))
      t.equal(over, '', behind)
      t.ok(contents.length > 8, behind)
    }
  },
)

t.test('a small message may be decoded more often than a large one', async (t) => {
  t.equal(budgetOf(0).bytes, limits.smallBytes.plus)
  t.equal(budgetOf(1000).bytes, limits.smallBytes.perByte * 1000 + limits.smallBytes.plus)
  const size = 100 * 1024 * 1024
  t.equal(budgetOf(size).bytes, limits.bytes.perByte * size + limits.bytes.plus)
})
