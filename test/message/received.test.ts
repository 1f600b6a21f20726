import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../src/ground/errors/fault.ts'
import { loadPassedDescriptors } from '../../src/ground/net/passed-descriptors.ts'
import { HEADER_MAX } from '../../src/message/header-block.ts'
import { messageInMemory } from '../../src/message/in-memory.ts'
import { IN_MEMORY, readPassedFile } from '../../src/message/passed-file.ts'
import { createSpool, type Message } from '../../src/message/spool.ts'
import { TOP_LINE } from '../../src/message/top-line.ts'

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

const passing = (await loadPassedDescriptors())!

/** Passes a message as a client does, in a memory file, sealed or not; it is closed with the message. */
async function passedMessage(
  bytes: Buffer,
  sealed = true,
  front: Buffer = TOP_LINE,
): Promise<Message> {
  const descriptor = passing.memoryFile()
  const whole = Buffer.concat([front, bytes])
  for (let at = 0; at < whole.length; )
    at += writeSync(descriptor, whole, at, whole.length - at, at)
  if (sealed) passing.seal(descriptor)
  const file = { descriptor, offset: front.length, size: bytes.length, sealed }
  const message = await readPassedFile(file, options)
  return {
    ...message,
    close() {
      message.close()
      closeSync(descriptor)
    },
  }
}

/** More than is copied into memory. */
const large = (line: string) => Buffer.alloc(IN_MEMORY + 1, line)

const top = ({ header }: Message) => Buffer.concat([TOP_LINE, header.bytes])

/** Lists all that a message shows, in values that can be compared. */
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
  const first = spooled(bytes)
  const others = [
    messageInMemory(bytes, options),
    await passedMessage(bytes),
    await passedMessage(bytes, false),
  ]
  for (const other of others) t.strictSame(await shown(other), await shown(first))
  for (const message of [first, ...others]) message.close()
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

t.test('every message is the same from a spool, from memory and from a passed file', async () => {
  await fc.assert(fc.asyncProperty(text, compare), { numRuns: 200 })
})

t.test(
  'messages with large bodies, or with header blocks around the limit, are the same from each source',
  async () => {
    const body = Buffer.alloc(9_000_000, 'a line of text\n')
    await compare(Buffer.concat([Buffer.from('A: b\n\n'), body]))
    await compare(Buffer.from(`A: b\r\n\r\n${'text\r\n'.repeat(1_500_000)}`))
    for (const length of [HEADER_MAX - 1, HEADER_MAX, HEADER_MAX + 1]) {
      await compare(Buffer.alloc(length, 'x'))
      await compare(Buffer.from(`A: ${'x'.repeat(length - 5)}\n\n`))
      await compare(Buffer.from(`A: ${'x'.repeat(length - 5)}\n\nbody`))
    }
  },
)

t.test('a message in memory is a file as long as a scanner needs one', async (t) => {
  const bytes = Buffer.from('A: b\n\nbody\n')
  const message = messageInMemory(bytes, options)
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

t.test('scanners get the sealed file itself, unless a field of it is removed', async (t) => {
  for (const body of [Buffer.from('body\n'), large('body\n')]) {
    const bytes = Buffer.concat([Buffer.from('A: b\nX-QHPSI: clean\n\n'), body])
    const message = await passedMessage(bytes)
    const descriptor = message.sealedFile?.(top(message))
    const file = Buffer.concat([TOP_LINE, bytes])
    t.ok(readFileSync(`/proc/self/fd/${descriptor}`).equals(file))
    const cleared = Buffer.concat([TOP_LINE, Buffer.from('A: b\n\n')])
    t.equal(message.sealedFile?.(cleared), undefined)
    const path = await message.path(cleared)
    t.ok(readFileSync(path).equals(Buffer.concat([cleared, body])))
    message.close()
    t.notOk(existsSync(path))
  }
})

t.test(
  'scanners do not get a file that is not sealed, or has something else in front',
  async (t) => {
    const front = Buffer.alloc(TOP_LINE.length, 'x')
    for (const body of ['body\n', large('body\n')]) {
      const bytes = Buffer.concat([Buffer.from('A: b\n\n'), Buffer.from(body)])
      const messages = [
        await passedMessage(bytes, false),
        await passedMessage(bytes, true, front),
        await passedMessage(bytes, true, Buffer.alloc(0)),
      ]
      for (const message of messages) {
        t.equal(message.sealedFile?.(top(message)), undefined)
        t.equal(message.size, bytes.length)
        message.close()
      }
    }
  },
)

t.test('a client that changes its file later changes no copy, whatever its size', async (t) => {
  for (const body of [Buffer.from('body\n'), large('body\n')]) {
    const bytes = Buffer.concat([Buffer.from('A: b\n\n'), body])
    const descriptor = passing.memoryFile()
    writeSync(descriptor, bytes, 0, bytes.length, 0)
    const file = { descriptor, offset: 0, size: bytes.length, sealed: false }
    const message = await readPassedFile(file, options)
    const expected = createHash('sha256').update(body)
    if (!body.toString('latin1').endsWith('\n')) expected.update('\n')
    writeSync(descriptor, Buffer.alloc(bytes.length), 0, bytes.length, 0)
    ftruncateSync(descriptor, 3)
    t.equal((await message.form()).digests.sha256, expected.digest('hex'))
    const seen = readFileSync(await message.path(top(message)))
    t.ok(seen.equals(Buffer.concat([TOP_LINE, bytes])))
    message.close()
    closeSync(descriptor)
  }
})

t.test('the copy of a large file gives other work turns', async (t) => {
  let turns = 0
  let isDone = false
  const body = Buffer.alloc(8 * 1024 * 1024, 'text\n')
  const bytes = Buffer.concat([Buffer.from('A: b\n\n'), body])
  const borrowing = passedMessage(bytes, false).then((message) => {
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

t.test('a file is refused if it is not regular, has another size or cannot be read', async (t) => {
  const path = join(directory, 'some')
  writeFileSync(path, 'A: b\n\n')
  const files: Record<string, () => number> = {
    'a directory': () => openSync(directory, 'r'),
    'a device': () => openSync('/dev/zero', 'r'),
    'a file of proc': () => openSync('/proc/self/maps', 'r'),
    'a larger file': () => openSync('/proc/self/exe', 'r'),
    'a file that is open for writing alone': () => openSync(path, 'a'),
    'a file that is open for nothing': () => openSync(path, 0o10000000),
  }
  for (const [what, open] of Object.entries(files)) {
    const descriptor = open()
    await t.rejects(
      readPassedFile({ descriptor, offset: 0, size: 6, sealed: false }, options),
      { message: /./ },
      what,
    )
    closeSync(descriptor)
  }
  const descriptor = openSync(path, 'r')
  const sized = (offset: number, size: number) =>
    readPassedFile({ descriptor, offset, size, sealed: false }, options)
  ;(await sized(0, 6)).close()
  ;(await sized(6, 0)).close()
  for (const [offset, size] of [
    [0, 5],
    [0, 7],
    [1, 6],
    [2 ** 53, 6],
    [1024, 6],
  ] as const) {
    await t.rejects(sized(offset, size), Fault, `${offset} ${size}`)
  }
  closeSync(descriptor)
})

t.test('a file that was replaced during the scan is not confirmed', async (t) => {
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
    const ours = messageInMemory(bytes, shared)
    ours.confirmFile()
    const path = await ours.path(top(ours))
    await tick()
    ours.confirmFile()
    attack(path)
    t.throws(() => ours.confirmFile(), /was changed while/, `ours: ${what}`)
    ours.close()
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

t.test('messages that are hashed at the same time do not share a buffer', async (t) => {
  const bodies = Array.from({ length: 10 }, (_, n) => Buffer.alloc(3_000_000, `message ${n}\n`))
  const borrowing = bodies.map((body, n) =>
    passedMessage(Buffer.concat([Buffer.from('A: b\n\n'), body]), n % 2 === 0),
  )
  const messages = await Promise.all(borrowing)
  const forms = await Promise.all(messages.map((message) => message.form()))
  for (const [n, { digests }] of forms.entries()) {
    const expected = createHash('sha256').update(bodies[n]!)
    if (!bodies[n]!.toString('latin1').endsWith('\n')) expected.update('\n')
    t.equal(digests.sha256, expected.digest('hex'), `message ${n}`)
  }
  for (const message of messages) message.close()
})
