import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { Budget } from '../../../src/base/flow/memory-budget.ts'
import { loadSystem } from '../../../src/base/runtime/system.ts'
import { makeEnvelope } from '../../../src/mail/message/envelope.ts'
import { HEADER_MAX, Header } from '../../../src/mail/message/header-block.ts'
import { Intake, messageOf } from '../../../src/mail/message/intake.ts'
import type { Message } from '../../../src/mail/message/message.ts'
import { TOP_LINE } from '../../../src/scanner/scan/scanners/contract/top-line.ts'
import { sampleOf } from '../../../src/scanner/scan/scanners/run/run-scanners.ts'
import { leavingMail } from '../../../src/scanner/scan/scanners/run/submission.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { isWhole } from '../../run/is-whole.ts'
import { headerOfMessage } from './header-of-message.ts'

/** Messages in files are those that are made of the same bytes in memory. */

const directory = openDirectory(t)

const options = {
  spool: { directory, sharedDirectory: undefined },
  top: TOP_LINE,
  digestsFor: () => ({ wantsMd5: true, wantsSha256: true }),
  createHash,
  now: Date.now(),
}

const memoryFiles = loadSystem()!

const PLENTY = 1e9
/** Bytes of memory of which a message of 4 MB may have half: the rest of it goes to the disk. */
const TOO_FEW = 7.4e6

/** Makes a message as a door does that gets it in pieces. */
function received(bytes: Buffer, files = true, memory = PLENTY, piece = 60_000): Message {
  const kept = { ...options, memoryFiles: files ? memoryFiles : undefined }
  const intake = new Intake(kept, new Budget(memory).open())
  for (let at = 0; at < bytes.length; at += piece) intake.write(bytes.subarray(at, at + piece))
  return intake.finish()
}

/** Lists all that a message shows, in values that can be compared. */
function shown(message: Message): unknown {
  const { size, header, isHeaderCut } = message
  const { fault, digests } = message.canonical
  const hash = createHash('md5').update(header.bytes)
  for (const chunk of message.body.chunks()) hash.update(chunk)
  const signable = fault === undefined
  return {
    size,
    header: header.bytes.toString('latin1'),
    isHeaderCut,
    fault,
    md5: signable && digests.md5?.copy().digest('hex'),
    sha256: signable && digests.sha256,
    bytes: hash.digest('hex'),
  }
}

function compare(bytes: Buffer): void {
  const first = messageOf(bytes, options)
  const header = headerOfMessage(bytes)
  const whole = { header: header.bytes.toString('latin1'), size: bytes.length }
  t.match(shown(first), { ...whole, bytes: createHash('md5').update(bytes).digest('hex') })
  const others = [
    received(bytes, true),
    received(bytes, true, TOO_FEW),
    received(bytes, false),
    received(bytes, true, PLENTY, bytes.length > 20_000 ? 3_333 : 1),
  ]
  for (const other of others) t.strictSame(shown(other), shown(first))
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

// promise: step-2-receive, rule-12-content
t.test('every message is what came, in any split, from memory and from a file', async (t) => {
  const more = Buffer.alloc(150_000, 'a line of text\n')
  fc.assert(
    fc.property(text, fc.boolean(), (bytes, isLarge) => {
      compare(isLarge ? Buffer.concat([bytes, more]) : bytes)
    }),
    { numRuns: isWhole ? 200 : 50 },
  )
  t.same(readdirSync(directory), [], 'nothing is left of them')
})

t.test('large bodies, and headers around the limit, come whole from each source', async () => {
  const body = Buffer.alloc(4_000_000, 'a line of text\n')
  compare(Buffer.concat([Buffer.from('A: b\n\n'), body]))
  compare(Buffer.from(`A: b\r\n\r\n${'text\r\n'.repeat(650_000)}`))
  for (const length of [HEADER_MAX - 1, HEADER_MAX, HEADER_MAX + 1]) {
    compare(Buffer.alloc(length, 'x'))
    compare(Buffer.from(`A: ${'x'.repeat(length - 5)}\n\n`))
    compare(Buffer.from(`A: ${'x'.repeat(length - 5)}\n\nbody`))
  }
})

t.test('scanners get the sealed file itself, unless a field of it is removed', async (t) => {
  for (const size of [200_000, 600_000]) {
    const body = Buffer.alloc(size, 'body\n')
    const bytes = Buffer.concat([Buffer.from('A: b\nX-QHPSI: clean\n\n'), body])
    const message = received(bytes)
    const descriptor = message.sealed
    const file = Buffer.concat([TOP_LINE, bytes])
    t.ok(readFileSync(`/proc/self/fd/${descriptor}`).equals(file))
    t.throws(() => writeSync(descriptor!, 'x', 0), { code: 'EPERM' })
    const leaving = new Header(Buffer.from('A: b\n\n'))
    const sampleWith = (header: Header) =>
      sampleOf(message, header, { envelope: makeEnvelope(Buffer.alloc(0), []) }, leavingMail)
    t.equal(sampleWith(message.header).sealedFile?.(), descriptor)
    const cleared = sampleWith(leaving)
    t.equal(cleared.sealedFile, undefined)
    t.ok(cleared.bytes.gather().equals(Buffer.concat([TOP_LINE, leaving.bytes, body])))
    message.close()
    const onDisk = received(bytes, false)
    t.equal(onDisk.sealed, undefined)
    onDisk.close()
  }
})

// promise: others-unharmed
t.test('messages that are read at the same time do not share a buffer', async (t) => {
  const bodies = Array.from({ length: 10 }, (_, n) => Buffer.alloc(4_000_000, `message ${n}\n`))
  const messages = bodies.map((body, n) =>
    received(Buffer.concat([Buffer.from('A: b\n\n'), body]), n % 2 === 0),
  )
  const readers = messages.map((message) => message.body.chunks()[Symbol.iterator]())
  const hashes = messages.map(() => createHash('sha256'))
  let open = messages.length
  while (open > 0) {
    const chunks = readers.map((reader) => reader.next())
    open = chunks.filter(({ done }) => !done).length
    for (const [n, { value }] of chunks.entries()) if (value) hashes[n]!.update(value)
  }
  for (const [n, hash] of hashes.entries()) {
    const expected = createHash('sha256').update(bodies[n]!).digest('hex')
    t.equal(hash.digest('hex'), expected, `message ${n}`)
  }
  for (const message of messages) message.close()
})
