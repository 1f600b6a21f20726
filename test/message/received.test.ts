import { createHash } from 'node:crypto'
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { HEADER_MAX } from '../../src/message/header-block.ts'
import { holdMessage } from '../../src/message/held.ts'
import { borrowMessage, IN_MEMORY } from '../../src/message/lent.ts'
import { createSpool, type Message } from '../../src/message/spool.ts'
import { TOP_LINE } from '../../src/message/top-line.ts'
import { Fault } from '../../src/runtime/fault.ts'

/** Messages in memory and in somebody's file are the messages that a spool makes of the same bytes. */

const directory = mkdtempSync(join(tmpdir(), 'onescan-received-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

const options = {
  policy: { directory, sharedDirectory: undefined },
  digestsFor: () => ({ md5: true, sha256: true }),
  createHash,
  now: Date.now(),
}

function spooled(bytes: Buffer): Message {
  const spool = createSpool(options)
  spool.write(bytes)
  return spool.finish()
}

const owner = process.getuid!()

function lent(bytes: Buffer, ownerTrusted = true): Promise<Message> {
  const path = join(directory, 'lent')
  writeFileSync(path, Buffer.concat([TOP_LINE, bytes]))
  return borrowMessage({ path, size: bytes.length, owner, ownerTrusted }, options)
}

/** More than is copied into memory. */
const large = (line: string) => Buffer.alloc(IN_MEMORY + 1, line)

const top = ({ header }: Message) => Buffer.concat([TOP_LINE, header.bytes])

/** All that a message shows, in values that can be compared. */
async function shown(message: Message): Promise<unknown> {
  const { size, header, headerTooLarge } = message
  const { formFault, digests } = await message.form()
  const chunks: Buffer[] = []
  if (!headerTooLarge) for (const chunk of message.body()) chunks.push(Buffer.from(chunk))
  const bytes = createHash('md5').update(Buffer.concat(chunks)).digest('hex')
  const signable = formFault === undefined
  return {
    // A spool that knows that it cannot edit a message counts it no more.
    size: headerTooLarge ? 'whatever' : size,
    header: header.bytes.toString('latin1'),
    headerTooLarge,
    formFault: headerTooLarge ? 'whatever' : formFault,
    md5: signable && digests.md5?.copy().digest('hex'),
    sha256: signable && digests.sha256,
    bytes,
  }
}

async function compare(bytes: Buffer): Promise<void> {
  const [one, two, three] = [spooled(bytes), holdMessage(bytes, options), await lent(bytes)]
  t.strictSame(await shown(two), await shown(one))
  t.strictSame(await shown(three), await shown(one))
  for (const message of [one, two, three]) message.close()
}

const line = fc.constantFrom(
  'Subject: x',
  'no field',
  ' fold',
  '',
  '\0',
  'A: \r',
  'From a',
  '(c): d',
)
const text = fc
  .array(fc.tuple(line, fc.constantFrom('\n', '\n', '\r\n', '')), { maxLength: 12 })
  .map((lines) => Buffer.from(lines.flat().join(''), 'latin1'))

t.test('whatever the message', async () => {
  await fc.assert(fc.asyncProperty(text, compare), { numRuns: 200 })
})

t.test('large bodies, and header blocks around the limit', async () => {
  const body = Buffer.alloc(9_000_000, 'a line of text\n')
  await compare(Buffer.concat([Buffer.from('A: b\n\n'), body]))
  await compare(Buffer.from(`A: b\r\n\r\n${'text\r\n'.repeat(1_500_000)}`))
  for (const length of [HEADER_MAX - 1, HEADER_MAX, HEADER_MAX + 1]) {
    await compare(Buffer.alloc(length, 'x'))
    await compare(Buffer.from(`A: ${'x'.repeat(length - 5)}\n\n`))
    await compare(Buffer.from(`A: ${'x'.repeat(length - 5)}\n\nbody`))
  }
})

t.test('a message in memory becomes a file where that is asked for, and no longer', async (t) => {
  const bytes = Buffer.from('A: b\n\nbody\n')
  const message = holdMessage(bytes, options)
  t.same(
    readdirSync(directory).filter((name) => name.startsWith('onescan')),
    [],
  )
  const path = await message.path(top(message))
  t.ok(readFileSync(path).equals(Buffer.concat([TOP_LINE, bytes])))
  t.equal(await message.path(top(message)), path)
  message.close()
  t.notOk(existsSync(path))
})

t.test('a file of somebody stays, and no stamp vouches for one that is not trusted', async (t) => {
  const message = await lent(Buffer.from('A: b\n\nbody\n'), false)
  const { formFault, digests } = await message.form()
  t.match(formFault, /its owner may change/)
  t.same(digests, { md5: undefined, sha256: undefined })
  const path = await message.path(top(message))
  message.close()
  t.ok(existsSync(path))
})

t.test(
  'a file of somebody that holds what scanners are not to see is copied for them',
  async (t) => {
    const body = large('text\n')
    const message = await lent(Buffer.concat([Buffer.from('A: b\nX-QHPSI: clean\n\n'), body]))
    t.equal(message.isFileWith(top(message)), true)
    const cleared = Buffer.concat([TOP_LINE, Buffer.from('A: b\n\n')])
    t.equal(message.isFileWith(cleared), false)
    const path = await message.path(cleared)
    t.ok(readFileSync(path).equals(Buffer.concat([cleared, body])))
    message.close()
    t.notOk(existsSync(path))
  },
)

t.test('what a client does to its file later is in no copy, whatever its size', async (t) => {
  for (const body of [Buffer.from('body\n'), large('body\n')]) {
    const bytes = Buffer.concat([Buffer.from('A: b\n\n'), body])
    const message = await lent(bytes)
    const expected = createHash('sha256').update(body)
    if (!body.toString('latin1').endsWith('\n')) expected.update('\n')
    writeFileSync(join(directory, 'lent'), Buffer.concat([TOP_LINE, Buffer.alloc(bytes.length)]))
    t.equal((await message.form()).digests.sha256, expected.digest('hex'))
    const seen = readFileSync(await message.path(top(message)))
    t.ok(seen.equals(Buffer.concat([TOP_LINE, bytes])))
    message.close()
  }
})

t.test('while a large file is copied others have their turns', async (t) => {
  let turns = 0
  let isDone = false
  const body = Buffer.alloc(8 * 1024 * 1024, 'text\n')
  const borrowing = lent(Buffer.concat([Buffer.from('A: b\n\n'), body])).then((message) => {
    isDone = true
    return message
  })
  while (!isDone) {
    turns++
    await new Promise(setImmediate)
  }
  t.ok(turns >= 7, `${turns} turns`)
  const message = await borrowing
  message.close()
})

t.test('a file that does not begin with our line is a fault', async (t) => {
  const path = join(directory, 'lent')
  writeFileSync(path, `${'x'.repeat(TOP_LINE.length)}A: b\n\n`)
  await t.rejects(borrowMessage({ path, size: 6, owner, ownerTrusted: true }, options), Fault)
})

t.test('a file of somebody under two names, or open to others, is a fault', async (t) => {
  const path = join(directory, 'shared')
  const bytes = Buffer.concat([TOP_LINE, Buffer.from('A: b\n\nbody\n')])
  const borrow = async (by = owner) => {
    const size = bytes.length - TOP_LINE.length
    const message = await borrowMessage({ path, size, owner: by, ownerTrusted: true }, options)
    message.close()
  }
  writeFileSync(path, bytes, { mode: 0o640 })
  await borrow()
  await t.rejects(borrow(owner + 1), /belongs to user/)
  linkSync(path, `${path}-2`)
  await t.rejects(borrow(), /has 2 names/)
  rmSync(`${path}-2`)
  chmodSync(path, 0o660)
  await t.rejects(borrow(), /can be changed by others/)
})

t.test('a file that was exchanged while scanners looked at it counts for nothing', async (t) => {
  const attacks: Record<string, (path: string) => void> = {
    'another one in its place': (path) => {
      writeFileSync(`${path}-clean`, 'clean')
      renameSync(`${path}-clean`, path)
    },
    'another one, and the first one again': (path) => {
      renameSync(path, `${path}-away`)
      writeFileSync(path, 'clean')
      renameSync(`${path}-away`, path)
    },
    'another content': (path) => writeFileSync(path, 'clean'),
    'a second name': (path) => linkSync(path, `${path}-2`),
    nothing: (path) => rmSync(path),
  }
  const sharedDirectory = t.testdir()
  const shared = { ...options, policy: { directory, sharedDirectory } }
  const bytes = Buffer.concat([Buffer.from('A: b\n\n'), large('text\n')])
  for (const [what, attack] of Object.entries(attacks)) {
    const ours = holdMessage(bytes, shared)
    ours.confirmFile()
    const path = await ours.path(top(ours))
    await tick()
    ours.confirmFile()
    attack(path)
    t.throws(() => ours.confirmFile(), /was changed while/, `ours: ${what}`)
    ours.close()
    const theirs = await lent(bytes)
    await tick()
    theirs.confirmFile()
    attack(join(directory, 'lent'))
    t.throws(() => theirs.confirmFile(), /was changed while/, `theirs: ${what}`)
    theirs.close()
    rmSync(join(directory, 'lent-2'), { force: true })
  }
})

/** Until the clock that file systems take their times from has gone on. */
async function tick(): Promise<void> {
  const probe = join(directory, 'probe')
  const now = () => {
    writeFileSync(probe, '')
    return statSync(probe, { bigint: true }).ctimeNs
  }
  for (const start = now(); now() === start; ) await new Promise(setImmediate)
}

t.test('what ten messages are hashed out of is not one memory', async (t) => {
  const bodies = Array.from({ length: 10 }, (_, n) => Buffer.alloc(3_000_000, `message ${n}\n`))
  const borrowing = bodies.map((body, n) => {
    const path = join(directory, `lent-${n}`)
    writeFileSync(path, Buffer.concat([TOP_LINE, Buffer.from('A: b\n\n'), body]))
    return borrowMessage({ path, size: 6 + body.length, owner, ownerTrusted: true }, options)
  })
  const messages = await Promise.all(borrowing)
  const forms = await Promise.all(messages.map((message) => message.form()))
  for (const [n, { digests }] of forms.entries()) {
    const expected = createHash('sha256').update(bodies[n]!)
    if (!bodies[n]!.toString('latin1').endsWith('\n')) expected.update('\n')
    t.equal(digests.sha256, expected.digest('hex'), `message ${n}`)
  }
  for (const message of messages) message.close()
})

t.test('a file that becomes shorter is a fault, not a shorter message', async (t) => {
  const message = await lent(
    Buffer.concat([Buffer.from('A: b\n\n'), Buffer.alloc(1_000_000, 'x\n')]),
  )
  truncateSync(await message.path(top(message)), 10)
  t.throws(() => [...message.body()], Fault)
  await t.rejects(message.form(), Fault)
  message.close()
  const path = join(directory, 'short')
  writeFileSync(path, 'x')
  await t.rejects(borrowMessage({ path, size: 2, owner, ownerTrusted: true }, options), Fault)
  await t.rejects(
    borrowMessage({ path: '/dev/zero', size: 0, owner, ownerTrusted: true }, options),
    Fault,
  )
})
