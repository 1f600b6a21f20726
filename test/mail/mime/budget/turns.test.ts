import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { HEADER_MAX } from '../../../../src/mail/message/header-block.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { costs, SEARCHED_PER_UNIT } from '../../../../src/mail/mime/budget/costs.ts'
import { WORK_PER_TURN } from '../../../../src/mail/mime/budget/work.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import { hostileShapes } from '../../../messages/hostile/hostile-shapes.ts'
import { ReadBy } from '../../message/bytes.ts'

/** While a message is read, other mail has its turn again and again, whatever the mail is made of. */

const PART = 'Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: '

/** Messages with this many bytes of something small. */
const shapes: Readonly<Record<string, (size: number) => string>> = {
  'paddings of base64': (size) =>
    `${PART}application/zip\nContent-Transfer-Encoding: base64\n\n${'=A'.repeat(size / 2)}\n--b--\n`,
  'a word like those that begin data': (size) =>
    `${PART}application/zip\n\n${'begin-x '.repeat(size / 8)}`,
  'fields without an end': (size) => `${PART}application/zip\n\n${'A: b\n'.repeat(size / 5)}`,
  'NULs at its end': (size) => `${PART}application/zip\n\n${'x'.repeat(size)}${'\0'.repeat(9)}`,
  'a mailbox of one mail': (size) =>
    `${PART}application/mbox\n\nFrom a\nA: b\n\n${`${'x'.repeat(99)}\n`.repeat(size / 100)}`,
  'mails of a mailbox': (size) =>
    `${PART}application/mbox\n\nFrom a\n${`\n\nFrom a\n${'x'.repeat(91)}`.repeat(size / 100)}\n--b--\n`,
}

/** The bytes of a file that is mapped: all of them together are read without a copy. */
class Mapped extends ReadBy {
  readonly #bytes: Buffer

  constructor(bytes: Buffer, chunks: (from: number, to: number) => Iterable<Buffer>) {
    super(bytes.length, chunks)
    this.#bytes = bytes
  }

  override gather(from = 0, to = this.size): Buffer {
    return this.#bytes.subarray(from, to)
  }
}

/** The bytes of a chunk, and the most that are read between two turns. */
const CHUNK = 64 * 1024
const READ_MOST = 1024 * 1024

for (const [name, make] of Object.entries(shapes)) {
  t.test(`other mail goes on while a mail is read for ${name}`, async (t) => {
    const bytes = Buffer.from(make(1_500_000), 'latin1')
    let read = 0
    let most = 0
    const mail = new Mapped(bytes, function* (from, to) {
      for (let at = from; at < to; at += CHUNK) {
        const chunk = bytes.subarray(at, Math.min(to, at + CHUNK))
        read += chunk.length
        most = Math.max(most, read)
        yield chunk
      }
    })
    // A message that is mapped as a whole is read by decoders, which count what they do.
    mail.gather = (from, to) => bytes.subarray(from, to)
    const openFile = () => openAnonymousFile(tmpdir())
    for (const { kind } of contentsOf(mail, { createHash, openFile })) if (kind === 'turn') read = 0
    t.ok(most <= READ_MOST, `${most} bytes at a time`)
  })
}

t.test('the work of observers counts as work of the mail', async (t) => {
  const UNITS = 64 * 1024
  let sinceTurn = 0
  let most = 0
  function* onPart(): Generator<number> {
    while (true) {
      most = Math.max(most, ++sinceTurn)
      yield UNITS
    }
  }
  const openFile = () => openAnonymousFile(tmpdir())
  const steps = contentsOf(Bytes.of(Buffer.from('A: b\n\nx\n')), { createHash, openFile, onPart })
  let over = ''
  for (const step of steps) {
    if (step.kind === 'turn') sinceTurn = 0
    if (step.kind === 'unread') over = step.reason
  }
  t.equal(over, 'too much work for its size', 'as much as any other reading')
  t.ok(most <= WORK_PER_TURN / UNITS, `${most} steps at a time`)
})

t.test('other mail goes on while a message of many short parts is read', async (t) => {
  let headers = 0
  let most = 0
  const onPart = () => {
    most = Math.max(most, ++headers)
    return []
  }
  const openFile = () => openAnonymousFile(tmpdir())
  const digest = `Content-Type: multipart/digest; boundary=b\n\n${'--b\n\nA: b\n\n'.repeat(20_000)}`
  const options = { createHash, openFile, onPart }
  for (const { kind } of contentsOf(Bytes.of(Buffer.from(digest)), options)) {
    if (kind === 'turn') headers = 0
  }
  t.ok(most < 4000, `${most} headers at a time`)
})

t.test(
  'what is searched for the delimiters of multiparts is counted, so other mail goes on',
  async (t) => {
    const text = 'some line of text that says nothing\n'.repeat(50_000)
    const messages = hostileShapes.find(({ name }) => name.includes('below many multiparts'))!
    const mail = Buffer.from(`${messages.make(0)}${text}`)
    // Each of 300 multiparts may end anywhere below.
    const searched = 300 * text.length
    let work = 0
    let turns = 0
    const onWork = (units: number) => {
      work += units
    }
    const openFile = () => openAnonymousFile(tmpdir())
    for (const { kind } of contentsOf(Bytes.of(mail), { createHash, openFile, onWork }))
      if (kind === 'turn') turns++
    t.ok(work > searched / SEARCHED_PER_UNIT, `${work} units`)
    t.ok(turns > searched / SEARCHED_PER_UNIT / WORK_PER_TURN / 4, `${turns} turns`)
  },
)

t.test('other mail goes on while a long header, or a long body of odd mail, is read', async (t) => {
  const line = 'X-A: some line of text that says nothing\n'
  const long = line.repeat(400_000)
  const openFile = () => openAnonymousFile(tmpdir())
  for (const [name, mail] of [
    ['header', `From a@b\nA: b\n${long}\n`],
    ['body', `A: b\nno field\n\n${long}`],
    ['line', `A: b\nno field\nContent-Type: a/b\n\n${long.replaceAll('\n', ' ')}`],
  ] as const) {
    let most = 0
    const onWork = (units: number) => {
      most = Math.max(most, units)
    }
    const steps = contentsOf(Bytes.of(Buffer.from(mail)), { createHash, openFile, onWork })
    for (const _ of steps);
    // (A content is counted once it was scanned.)
    const limit = name === 'line' ? long.length + costs.content : 8 * HEADER_MAX
    t.ok(most <= limit, `${name}: ${most} units at once`)
  }
})
