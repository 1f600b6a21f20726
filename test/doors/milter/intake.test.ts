import { createHash } from 'node:crypto'
import { mkdtempSync, openSync, readdirSync, readSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { MilterIntake } from '../../../src/doors/milter/intake.ts'
import { Budget } from '../../../src/ground/flow/memory-budget.ts'
import { loadSystem, type System } from '../../../src/ground/runtime/system.ts'
import { FIELD_COST, HEADER_MAX } from '../../../src/mail/message/header-block.ts'
import { IN_MEMORY_MAX, MEMORY_FILE_MAX } from '../../../src/mail/message/intake.ts'
import { type Message, TOP_LINE } from '../../../src/mail/message/message.ts'

/** Messages put together from the parts that an MTA sends. */

const directory = mkdtempSync(join(tmpdir(), 'onescan-intake-'))
t.teardown(() => rmSync(directory, { recursive: true }))

const open = (place = directory, lease = new Budget(1e9).open(), memoryFiles?: System) =>
  new MilterIntake(
    {
      memoryFiles,
      policy: { directory: place, sharedDirectory: undefined },
      digestsFor: () => ({ md5: true, sha256: true }),
      createHash,
    },
    lease,
  )

const bytesOf = (text: string) => Buffer.from(text, 'latin1')

const isSealed = ({ message }: { message: Message }) => message.sealed !== undefined

function wholeOf(intake: ReturnType<typeof open>) {
  const message = intake.finish()
  const chunks: Buffer[] = [message.header.bytes]
  for (const chunk of message.body.chunks()) chunks.push(Buffer.from(chunk))
  return { message, bytes: Buffer.concat(chunks) }
}

t.test('fields and body become a message in LF', async (t) => {
  const intake = open()
  intake.field(Buffer.from('Subject'), Buffer.from(' a\n\tb\r\n c'))
  intake.field(Buffer.from('X-Empty'), Buffer.from(''))
  intake.endHeader()
  intake.body(Buffer.from('one\r\n'))
  intake.endHeader() // told twice, or not at all
  intake.body(Buffer.from('two\0\r\n'))
  const { message, bytes } = wholeOf(intake)
  const wanted = 'Subject: a\n\tb\n c\nX-Empty:\n\none\ntwo\0\n'
  t.equal(bytes.toString('latin1'), wanted)
  t.equal(message.size, wanted.length)
  t.equal(message.form.formFault, undefined)
  message.close()
})

t.test('a message of any size, in memory or in a file, keeps its bytes and digests', async (t) => {
  const size = fc.oneof(
    fc.nat(300),
    fc.integer({ min: IN_MEMORY_MAX - 100, max: IN_MEMORY_MAX + 100 }),
    fc.nat(3 * IN_MEMORY_MAX),
  )
  await fc.assert(
    fc.asyncProperty(size, fc.integer({ min: 1000, max: 65_535 }), async (size, piece) => {
      const body = Buffer.alloc(size, 'line of text\r\n')
      const whole = bytesOf(`A: b\n\n${body.toString('latin1').replaceAll('\r\n', '\n')}`)
      const intake = open()
      intake.field(Buffer.from('A'), Buffer.from(' b'))
      for (let at = 0; at < size; at += piece) intake.body(body.subarray(at, at + piece))
      const { message, bytes } = wholeOf(intake)
      t.ok(bytes.equals(whole), `${size} bytes`)
      const { digests, formFault } = message.form
      if (formFault === undefined) {
        const lf = body.toString('latin1').replaceAll('\r\n', '\n')
        const canonical = lf === '' || lf.endsWith('\n') ? lf : `${lf}\n`
        t.equal(digests.sha256, createHash('sha256').update(canonical).digest('hex'))
      }
      message.close()
    }),
    { numRuns: 40 },
  )
  t.same(readdirSync(directory), [])
})

t.test('a CR that is no part of a line end stays, in any split', async (t) => {
  const text = fc.array(fc.constantFrom('\r', '\n', '\r\n', 'a'), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(text, fc.integer({ min: 1, max: 4 }), async (pieces, size) => {
      const body = bytesOf(pieces.join(''))
      const intake = open()
      for (let at = 0; at < body.length; at += size) intake.body(body.subarray(at, at + size))
      const { message, bytes } = wholeOf(intake)
      const wanted = `\n${body.toString('latin1').replaceAll('\r\n', '\n')}`
      t.equal(bytes.toString('latin1'), wanted)
      message.close()
    }),
  )
})

t.test('a header over its limit is found to be, however its fields are cut', async (t) => {
  const line = Buffer.alloc(1000, 97)
  for (const value of [line, Buffer.concat([Buffer.from('\n\n'), line])]) {
    const intake = open()
    for (let n = 0; n < 1100; n++) intake.field(Buffer.from('A'), value)
    intake.body(Buffer.alloc(500_000))
    const { message } = wholeOf(intake)
    t.equal(message.headerTooLarge, true)
    t.ok(message.header.length <= HEADER_MAX, 'and no more of it is in memory')
    message.close()
  }
})

t.test('a header of exactly the limit is not too large', async (t) => {
  const intake = open()
  const rest = Buffer.from('A:\n\n').length
  intake.field(Buffer.from('A'), Buffer.alloc(HEADER_MAX - rest, 97))
  intake.body(Buffer.from('body\r\n'))
  const { message, bytes } = wholeOf(intake)
  t.equal(message.headerTooLarge, false)
  t.equal(message.header.length, HEADER_MAX)
  t.equal(bytes.length, HEADER_MAX + 5)
  message.close()
})

t.test('a discarded message leaves no file and no descriptor', async (t) => {
  const descriptors = () => readdirSync('/proc/self/fd').length
  const before = descriptors()
  for (const size of [10, 2 * IN_MEMORY_MAX]) {
    const intake = open()
    intake.body(Buffer.alloc(size))
    intake.close()
    intake.close()
  }
  t.equal(descriptors(), before)
  t.same(readdirSync(directory), [])
})

t.test('a small message needs no file, even if there is no place for one', async (t) => {
  const intake = open('/nonexistent')
  intake.body(Buffer.from('small\r\n'))
  t.throws(() => intake.body(Buffer.alloc(IN_MEMORY_MAX)), { name: 'Fault', kind: 'temp-file' })
})

t.test('memory of a message is charged, and given back', async (t) => {
  const budget = new Budget(1.2e6)
  const intake = open(directory, budget.open())
  intake.field(Buffer.from('Subject'), Buffer.alloc(100_000, 'x'))
  t.ok(budget.used >= 100_000)
  intake.body(Buffer.alloc(IN_MEMORY_MAX, 'y'))
  const header = 'Subject:\n\n'.length + 100_000
  t.equal(budget.used, header + FIELD_COST, 'all but the header, with its one field, is in a file')
  intake.close()
  const second = open(directory, budget.open())
  second.field(Buffer.from('Subject'), Buffer.alloc(400_000, 'x'))
  const more = () => second.field(Buffer.from('X-More'), Buffer.alloc(600_000, 'x'))
  t.throws(more, /no memory for \d+ bytes more/)
  second.close()
  t.equal(budget.used, 0)
})

t.test('a larger message lies in a sealed memory file, as scanners see it', async (t) => {
  const memoryFiles = loadSystem()!
  const budget = new Budget(64 * 1024 * 1024)
  const told = async (size: number) => {
    const intake = open(directory, budget.open(), memoryFiles)
    intake.field(Buffer.from('Subject'), Buffer.from(' x'))
    const body = Buffer.alloc(size, 'text of a line\r\n')
    for (let at = 0; at < size; at += 65_535) intake.body(body.subarray(at, at + 65_535))
    const { message, bytes } = wholeOf(intake)
    const close = () => {
      message.close()
      intake.close()
    }
    return { message, bytes, body, close }
  }
  for (const size of [2 * IN_MEMORY_MAX, 3_000_000]) {
    const { message, bytes, body, close } = await told(size)
    t.equal(bytes.length, 'Subject: x\n\n'.length + body.length - Math.floor(size / 16))
    t.ok(budget.used >= bytes.length, 'it is charged')
    const file = message.sealed
    t.throws(() => writeSync(file!, 'x', 0), { code: 'EPERM' }, 'it is sealed')
    const seen = Buffer.alloc(TOP_LINE.length + bytes.length + 1)
    const length = readSync(file!, seen, 0, seen.length, 0)
    t.ok(seen.subarray(0, length).equals(Buffer.concat([TOP_LINE, bytes])), `${size} bytes`)
    const { digests } = message.form
    const canonical = body
      .toString('latin1')
      .replaceAll('\r\n', '\n')
      .replace(/[^\n]$/, '$&\n')
    t.equal(digests.sha256, createHash('sha256').update(canonical).digest('hex'), 'hashed once')
    close()
    t.equal(budget.used, 0)
  }
  const huge = await told(20 * 1024 * 1024)
  t.notOk(isSealed(huge), 'one that is too large is not in memory as a whole')
  t.ok(budget.used <= MEMORY_FILE_MAX, 'nor charged')
  t.ok(huge.bytes.subarray(-100).includes('text of a line\n'))
  huge.close()
  const others = [await told(15_000_000), await told(15_000_000), await told(15_000_000)]
  t.same(others.map(isSealed), [true, true, false], 'half of the memory is for other things')
  t.ok(others[0]!.bytes.equals(others[2]!.bytes))
  for (const { close } of others) close()
  t.equal(budget.used, 0)
})

t.test('a message that outgrows its memory goes on on the disk', async (t) => {
  const memoryFiles = loadSystem()!
  const budget = new Budget(64 * 1024 * 1024)
  const intake = open(directory, budget.open(), memoryFiles)
  const pieces = Array.from({ length: 300 }, (_, n) => Buffer.alloc(65_536, `line ${n} of text\n`))
  for (const piece of pieces) intake.body(piece)
  const charged = budget.used
  t.ok(charged > MEMORY_FILE_MAX / 2 && charged <= MEMORY_FILE_MAX, `${charged} bytes are charged`)
  const { message, bytes } = wholeOf(intake)
  t.ok(bytes.equals(Buffer.concat([Buffer.from('\n'), ...pieces])))
  for (const [from, to] of [
    [0, 5],
    [MEMORY_FILE_MAX - 70_000, MEMORY_FILE_MAX + 9],
    [MEMORY_FILE_MAX, MEMORY_FILE_MAX + 300_000],
  ] as const) {
    t.ok(
      message.body.gather(from, to).equals(bytes.subarray(1 + from, 1 + to)),
      `from ${from} to ${to}`,
    )
  }
  message.close()
  intake.close()
  t.equal(budget.used, 0)
})

t.test('if there is no memory left, a message goes to the disk, whole', async (t) => {
  const passing = loadSystem()!
  const full = { ...passing, memoryFile: () => openSync('/dev/full', 'w+') }
  const none = { ...passing, memoryFile: () => -24 }
  for (const memoryFiles of [full, none]) {
    const budget = new Budget(64 * 1024 * 1024)
    const intake = open(directory, budget.open(), memoryFiles)
    const body = Buffer.alloc(3 * IN_MEMORY_MAX, 'text of a line\n')
    intake.body(body)
    t.ok(budget.used < 10, 'and only its header is charged')
    const { message, bytes } = wholeOf(intake)
    t.notOk(isSealed({ message }))
    t.ok(bytes.equals(Buffer.concat([Buffer.from('\n'), body])))
    message.close()
    intake.close()
  }
})
