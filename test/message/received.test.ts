import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../src/fault.ts'
import { HEADER_MAX } from '../../src/message/header-block.ts'
import { holdMessage } from '../../src/message/held.ts'
import { borrowMessage } from '../../src/message/lent.ts'
import { createSpool, type Message } from '../../src/message/spool.ts'

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

function lent(bytes: Buffer, ownerTrusted = true): Message {
  const path = join(directory, 'lent')
  writeFileSync(path, bytes)
  return borrowMessage({ path, size: bytes.length, ownerTrusted }, options)
}

/** All that a message shows, in values that can be compared. */
async function shown(message: Message): Promise<unknown> {
  const { size, header, headerTooLarge } = message
  const { formFault, digests } = await message.form()
  const chunks: Buffer[] = []
  if (!headerTooLarge) for (const chunk of message.chunks()) chunks.push(Buffer.from(chunk))
  const bytes = createHash('md5').update(Buffer.concat(chunks)).digest('hex')
  const signable = formFault === undefined
  return {
    // A spool that knows that it cannot edit a message counts it no more.
    size: headerTooLarge ? 'whatever' : size,
    header: header.toString('latin1'),
    headerTooLarge,
    formFault: headerTooLarge ? 'whatever' : formFault,
    md5: signable && digests.md5?.copy().digest('hex'),
    sha256: signable && digests.sha256,
    bytes,
  }
}

async function compare(bytes: Buffer): Promise<void> {
  const [one, two, three] = [spooled(bytes), holdMessage(bytes, options), lent(bytes)]
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
  const path = message.path()
  t.ok(readFileSync(path).equals(bytes))
  t.equal(message.path(), path)
  message.close()
  t.notOk(existsSync(path))
})

t.test('a file of somebody stays, and no stamp vouches for one that is not trusted', async (t) => {
  const message = lent(Buffer.from('A: b\n\nbody\n'), false)
  const { formFault, digests } = await message.form()
  t.match(formFault, /its owner may change/)
  t.same(digests, { md5: undefined, sha256: undefined })
  const path = message.path()
  message.close()
  t.ok(existsSync(path))
})

t.test('a file that becomes shorter is a fault, not a shorter message', async (t) => {
  const message = lent(Buffer.concat([Buffer.from('A: b\n\n'), Buffer.alloc(1_000_000, 'x\n')]))
  truncateSync(message.path(), 10)
  t.throws(() => [...message.chunks()], Fault)
  await t.rejects(message.form(), Fault)
  message.close()
  const path = join(directory, 'short')
  writeFileSync(path, 'x')
  t.throws(() => borrowMessage({ path, size: 2, ownerTrusted: true }, options), Fault)
  t.throws(() => borrowMessage({ path: '/dev/zero', size: 0, ownerTrusted: true }, options), Fault)
})
