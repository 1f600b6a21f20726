import fc from 'fast-check'
import t from 'tap'
import {
  encodeAnswer,
  encodeRequest,
  encodeSettled,
  LINE_MAX,
  type PluginReply,
  type PluginRequest,
  ReplyReader,
  RequestReader,
} from '../../../src/scan/plugin-host/protocol.ts'
import { clean, infected, unknown } from '../../../src/scan/shared/scanner.ts'

/** What a plugin's process is asked, and what it answers. */

/** Bytes in latin1. */
const address = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

const request: fc.Arbitrary<PluginRequest> = fc
  .record({ path: fc.string(), file: fc.string(), sender: address, to: fc.array(address) })
  .map(({ path, file, sender, to }) => {
    const codes = { infectedCode: 1, cleanCode: 0 }
    const numbers = { size: 7, timeLeft: 1234.5 }
    const addresses = { sender, recipients: to }
    return { nonce: 'n', file, path, symbol: 'virusscan', ...codes, ...numbers, ...addresses }
  })

t.test('requests are read one by one as they were written, in any split', async (t) => {
  fc.assert(
    fc.property(fc.array(request), fc.array(fc.nat()), (requests, cuts) => {
      const reader = new RequestReader()
      for (const request of requests) {
        const bytes = encodeRequest(request)
        const edges = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b)]
        edges.push(bytes.length)
        const read = edges
          .slice(1)
          .flatMap((end, index) => reader.push(bytes.subarray(edges[index], end)) ?? [])
        t.same(read, [request])
      }
    }),
  )
})

t.test('bytes behind a request are refused until it is answered', async (t) => {
  fc.assert(
    fc.property(request, (request) => {
      const reader = new RequestReader()
      const bytes = Buffer.concat([encodeRequest(request), Buffer.from('{')])
      t.throws(() => reader.push(bytes), /bytes after the request/)
    }),
  )
})

const nonce = '00112233445566778899aabbccddeeff'
const other = 'ffeeddccbbaa99887766554433221100'
const answer = fc.oneof(
  fc.constant(clean),
  fc.string({ minLength: 1, maxLength: 255 }).map(infected),
  fc.string({ maxLength: 255 }).map((why) => unknown(why)),
  fc.string({ maxLength: 255 }).map((why) => unknown(why, 'plugin')),
)

/** The replies in `bytes`, which come in pieces that end at `cuts`. */
function hear(bytes: Buffer, cuts: readonly number[]): PluginReply[] {
  const reader = new ReplyReader()
  reader.expect(nonce)
  const edges = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
  return edges.slice(1).flatMap((end, index) => reader.push(bytes.subarray(edges[index], end)))
}

const kinds = (replies: readonly PluginReply[]) => replies.map(({ kind }) => kind)

t.test('an answer, and the line that the plugin settled, are read in any split', async (t) => {
  fc.assert(
    fc.property(answer, fc.array(fc.nat()), (answer, cuts) => {
      const said = Buffer.concat([encodeAnswer(nonce, answer), encodeSettled(nonce)])
      t.same(hear(said, cuts), [{ kind: 'answer', answer }, { kind: 'settled' }])
    }),
  )
})

t.test('each question has a nonce of its own', async (t) => {
  const reader = new ReplyReader()
  for (const next of [nonce, other, nonce]) {
    reader.expect(next)
    const said = Buffer.concat([encodeAnswer(next, clean), encodeSettled(next)])
    t.same(kinds(reader.push(said)), ['answer', 'settled'])
  }
})

t.test('the answer of another question is nonsense', async (t) => {
  t.same(kinds(hear(encodeAnswer(other, clean), [])), ['nonsense'])
  const reader = new ReplyReader()
  reader.expect(nonce)
  reader.push(Buffer.concat([encodeAnswer(nonce, clean), encodeSettled(nonce)]))
  reader.expect(other)
  t.same(kinds(reader.push(encodeAnswer(nonce, clean))), ['nonsense'], 'an old one')
})

t.test('any other bytes are nonsense, before the answer and behind it', async (t) => {
  const line = fc.string().map((text) => Buffer.from(`${text.replaceAll('\n', '')}\n`))
  fc.assert(
    fc.property(answer, line, fc.array(fc.nat()), (answer, line, cuts) => {
      const frame = encodeAnswer(nonce, answer)
      t.equal(kinds(hear(Buffer.concat([line, frame]), cuts))[0], 'nonsense')
      t.match(kinds(hear(Buffer.concat([frame, line]), cuts)), ['answer', 'nonsense'])
      t.match(kinds(hear(Buffer.concat([frame, frame]), cuts)), ['answer', 'nonsense'])
    }),
  )
})

t.test('a single byte behind the answer is nonsense, without waiting for a line', async (t) => {
  const frame = encodeAnswer(nonce, clean)
  t.same(kinds(hear(Buffer.concat([frame, Buffer.from('x')]), [])), ['answer', 'nonsense'])
  const settled = Buffer.concat([frame, encodeSettled(nonce)])
  t.same(kinds(hear(Buffer.concat([settled, Buffer.from('x')]), [])), [
    'answer',
    'settled',
    'nonsense',
  ])
  t.same(kinds(new ReplyReader().push(Buffer.from('x'))), ['nonsense'], 'unasked')
})

t.test('a line without an end is given up at 64 KiB', async (t) => {
  const reader = new ReplyReader()
  reader.expect(nonce)
  t.same(reader.push(Buffer.alloc(65_536, 'x')), [])
  t.ok(reader.amidst)
  t.same(reader.push(Buffer.from('x')), [
    { kind: 'nonsense', why: 'wrote more than 65536 bytes to descriptor 3' },
  ])
})

t.test('a line with none of the three answers is nonsense', async (t) => {
  const bodies = [
    '{}',
    'null',
    '"clean"',
    '{"answer":"Clean"}',
    '{"answer":"infected"}',
    '{"answer":"infected","name":""}',
    '{"answer":"infected","name":1}',
    '{"answer":"unknown"}',
    '{"answer":"clean"',
    '',
  ]
  for (const body of bodies) {
    t.same(kinds(hear(Buffer.from(`onescan-answer/1 ${nonce} ${body}\n`), [])), ['nonsense'], body)
  }
})

t.test('an answer that is cut is none', async (t) => {
  fc.assert(
    fc.property(answer, fc.nat(), (answer, at) => {
      const line = encodeAnswer(nonce, answer)
      t.same(hear(line.subarray(0, at % line.length), []), [])
    }),
  )
})

t.test('the longest answer fits a line, and a longer line is no answer', async (t) => {
  const line = encodeAnswer(nonce, unknown('\0'.repeat(100_000)))
  t.ok(line.length < LINE_MAX)
  const padding = ' '.repeat(LINE_MAX)
  const long = Buffer.from(`onescan-answer/1 ${nonce} {"answer":"clean"}${padding}\n`)
  t.same(kinds(hear(long, [])), ['nonsense'])
})
