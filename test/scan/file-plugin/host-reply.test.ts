import fc from 'fast-check'
import t from 'tap'
import { type HostReply, HostReplyReader } from '../../../src/scan/file-plugin/host-reply.ts'
import { encodeFrame, encodeSettled } from '../../../src/scan/plugin-host/frame.ts'
import { clean, infected, unknown } from '../../../src/scan/shared/scanner.ts'

const nonce = '00112233445566778899aabbccddeeff'
const other = 'ffeeddccbbaa99887766554433221100'
const answer = fc.oneof(
  fc.constant(clean),
  fc.string({ minLength: 1, maxLength: 255 }).map(infected),
  fc.string({ maxLength: 255 }).map(unknown),
)

/** The replies in `bytes`, which come in pieces that end at `cuts`. */
function hear(bytes: Buffer, cuts: readonly number[]): HostReply[] {
  const reader = new HostReplyReader()
  reader.expect(nonce)
  const edges = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
  return edges.slice(1).flatMap((end, index) => reader.push(bytes.subarray(edges[index], end)))
}

const kinds = (replies: readonly HostReply[]) => replies.map(({ kind }) => kind)

t.test('an answer, and the line that the plugin settled, are read in any split', async (t) => {
  fc.assert(
    fc.property(answer, fc.array(fc.nat()), (answer, cuts) => {
      const said = Buffer.concat([encodeFrame(nonce, answer), encodeSettled(nonce)])
      t.same(hear(said, cuts), [{ kind: 'answer', answer }, { kind: 'settled' }])
    }),
  )
})

t.test('each question has a nonce of its own', async (t) => {
  const reader = new HostReplyReader()
  for (const next of [nonce, other, nonce]) {
    reader.expect(next)
    const said = Buffer.concat([encodeFrame(next, clean), encodeSettled(next)])
    t.same(kinds(reader.push(said)), ['answer', 'settled'])
  }
})

t.test('the answer of another question is nonsense', async (t) => {
  t.same(kinds(hear(encodeFrame(other, clean), [])), ['nonsense'])
  const reader = new HostReplyReader()
  reader.expect(nonce)
  reader.push(Buffer.concat([encodeFrame(nonce, clean), encodeSettled(nonce)]))
  reader.expect(other)
  t.same(kinds(reader.push(encodeFrame(nonce, clean))), ['nonsense'], 'an old one')
})

t.test('any other bytes are nonsense, before the answer and behind it', async (t) => {
  const line = fc.string().map((text) => Buffer.from(`${text.replaceAll('\n', '')}\n`))
  fc.assert(
    fc.property(answer, line, fc.array(fc.nat()), (answer, line, cuts) => {
      const frame = encodeFrame(nonce, answer)
      t.equal(kinds(hear(Buffer.concat([line, frame]), cuts))[0], 'nonsense')
      t.match(kinds(hear(Buffer.concat([frame, line]), cuts)), ['answer', 'nonsense'])
      t.match(kinds(hear(Buffer.concat([frame, frame]), cuts)), ['answer', 'nonsense'])
    }),
  )
})

t.test('a single byte behind the answer is nonsense, without waiting for a line', async (t) => {
  const frame = encodeFrame(nonce, clean)
  t.same(kinds(hear(Buffer.concat([frame, Buffer.from('x')]), [])), ['answer', 'nonsense'])
  const settled = Buffer.concat([frame, encodeSettled(nonce)])
  t.same(kinds(hear(Buffer.concat([settled, Buffer.from('x')]), [])), [
    'answer',
    'settled',
    'nonsense',
  ])
  t.same(kinds(new HostReplyReader().push(Buffer.from('x'))), ['nonsense'], 'unasked')
})

t.test('a line without an end is given up at 64 KiB', async (t) => {
  const reader = new HostReplyReader()
  reader.expect(nonce)
  t.same(reader.push(Buffer.alloc(65_536, 'x')), [])
  t.ok(reader.amidst)
  t.same(reader.push(Buffer.from('x')), [
    { kind: 'nonsense', why: 'wrote more than 65536 bytes to descriptor 3' },
  ])
})
