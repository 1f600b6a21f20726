import fc from 'fast-check'
import t from 'tap'
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type PluginRequest,
} from '../../../../../src/scanner/scan/scanners/file-plugin/protocol.ts'
import {
  clean,
  infected,
  type ScanResult,
  unknown,
} from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'

/** What a plugin's process is asked, and what it answers. */

/** Bytes of the longest line. */
const LINE_MAX = 64 * 1024
/** Bytes in latin1. */
const address = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))

const request: fc.Arbitrary<PluginRequest> = fc
  .record({ path: fc.string(), file: fc.string(), sender: address, to: fc.array(address) })
  .map(({ path, file, sender, to }) => {
    const codes = { infectedCode: 1, cleanCode: 0 }
    const numbers = { size: 7, timeLeft: 1234.5, settle: 250 }
    const addresses = { sender, recipients: to }
    return { nonce: 'n', file, path, symbol: 'virusscan', ...codes, ...numbers, ...addresses }
  })

/** The pieces of these bytes that end at `cuts`, and at the end. */
function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const edges = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length]
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end))
}

t.test('a request is read as it was written, in any split', async (t) => {
  fc.assert(
    fc.property(request, fc.array(fc.nat()), (request, cuts) => {
      const pieces = cutAt(encodeRequest(request), cuts)
      const read = pieces.map((_, index) => decodeRequest(pieces.slice(0, index + 1)))
      t.same(read.pop(), request)
      t.same(new Set(read), new Set(read.length > 0 ? [undefined] : []), 'not before its end')
    }),
  )
})

t.test('two requests at once are invalid', async (t) => {
  fc.assert(
    fc.property(request, (request) => {
      const bytes = encodeRequest(request)
      t.throws(() => decodeRequest([bytes, bytes]))
    }),
  )
})

const nonce = '00112233445566778899aabbccddeeff'
const other = 'ffeeddccbbaa99887766554433221100'
const nonsense = unknown('wrote something other than an answer to descriptor 3')
const answer = fc.oneof(
  fc.constant(clean),
  fc.string({ minLength: 1, maxLength: 255 }).map(infected),
  fc.string({ maxLength: 255 }).map((reason) => unknown(reason)),
  fc.string({ maxLength: 255 }).map((reason) => unknown(reason, 'plugin')),
)

/** The first answer in `bytes`, which come in pieces that end at `cuts`. */
function hear(bytes: Buffer, cuts: readonly number[] = []): ScanResult | undefined {
  const pieces = cutAt(bytes, cuts)
  return pieces
    .map((_, index) => decodeAnswer(nonce, Buffer.concat(pieces.slice(0, index + 1))))
    .find((answer) => answer !== undefined)
}

t.test('an answer is read in any split', async (t) => {
  fc.assert(
    fc.property(answer, fc.array(fc.nat()), (answer, cuts) => {
      t.same(hear(encodeAnswer(nonce, answer), cuts), answer)
    }),
  )
})

t.test('the answer to another question is invalid', async (t) => {
  t.same(hear(encodeAnswer(other, clean)), nonsense)
})

t.test('any other bytes are invalid, before the answer and with it', async (t) => {
  const line = fc.string().map((text) => Buffer.from(`${text.replaceAll('\n', '')}\n`))
  fc.assert(
    fc.property(answer, line, fc.array(fc.nat()), (answer, line, cuts) => {
      const frame = encodeAnswer(nonce, answer)
      t.same(hear(Buffer.concat([line, frame]), cuts), nonsense)
      t.same(hear(Buffer.concat([frame, line])), nonsense)
      t.same(hear(Buffer.concat([frame, line.subarray(0, 1)])), nonsense)
    }),
  )
})

t.test('a line without an end is given up at 64 KiB', async (t) => {
  t.equal(hear(Buffer.alloc(65_536, 'x')), undefined)
  t.same(hear(Buffer.alloc(65_537, 'x')), unknown('wrote more than 65536 bytes to descriptor 3'))
})

t.test('a line with none of the three answers is invalid', async (t) => {
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
    t.same(hear(Buffer.from(`onescan-answer/1 ${nonce} ${body}\n`)), nonsense, body)
  }
})

t.test('a truncated answer is invalid', async (t) => {
  fc.assert(
    fc.property(answer, fc.nat(), (answer, at) => {
      const line = encodeAnswer(nonce, answer)
      t.equal(decodeAnswer(nonce, line.subarray(0, at % line.length)), undefined)
    }),
  )
})

t.test('the longest answer fits a line, and a longer line is not an answer', async (t) => {
  const line = encodeAnswer(nonce, unknown('\0'.repeat(100_000)))
  t.ok(line.length < LINE_MAX)
  const padding = ' '.repeat(LINE_MAX)
  const long = Buffer.from(`onescan-answer/1 ${nonce} {"answer":"clean"}${padding}\n`)
  t.match(hear(long), { answer: 'unknown' })
})
