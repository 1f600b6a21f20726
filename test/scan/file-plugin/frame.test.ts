import fc from 'fast-check'
import t from 'tap'
import { decodeFrame, encodeFrame, FRAME_MAX } from '../../../src/scan/plugin-host/frame.ts'
import { clean, infected, type ScannerAnswer, unknown } from '../../../src/scan/shared/scanner.ts'

const nonce = '00112233445566778899aabbccddeeff'

const answer: fc.Arbitrary<ScannerAnswer> = fc.oneof(
  fc.constant(clean),
  fc.string({ minLength: 1, maxLength: 255 }).map(infected),
  fc.string({ maxLength: 255 }).map(unknown),
)

t.test('a frame is read as it was written', async (t) => {
  fc.assert(
    fc.property(answer, (answer) => {
      t.same(decodeFrame(nonce, encodeFrame(nonce, answer)), answer)
    }),
  )
})

t.test('a frame that is cut, doubled or surrounded by other bytes is no frame', async (t) => {
  fc.assert(
    fc.property(answer, fc.nat(), fc.uint8Array({ minLength: 1 }), (answer, at, more) => {
      const frame = encodeFrame(nonce, answer)
      t.equal(decodeFrame(nonce, frame.subarray(0, at % frame.length)), undefined)
      t.equal(decodeFrame(nonce, Buffer.concat([frame, frame])), undefined)
      t.equal(decodeFrame(nonce, Buffer.concat([frame, more])), undefined)
      t.equal(decodeFrame(nonce, Buffer.concat([more, frame])), undefined)
    }),
  )
})

t.test('a frame with another nonce is no answer', async (t) => {
  t.equal(decodeFrame(nonce, encodeFrame(nonce.replace('0', '1'), clean)), undefined)
  t.equal(decodeFrame(nonce, encodeFrame('', clean)), undefined)
})

t.test('a frame with none of the three answers is no answer', async (t) => {
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
    const bytes = Buffer.from(`onescan-answer/1 ${nonce} ${body}\n`)
    t.equal(decodeFrame(nonce, bytes), undefined, body)
  }
})

t.test('the longest answer fits a frame, and a longer line is no frame', async (t) => {
  const frame = encodeFrame(nonce, unknown('\0'.repeat(100_000)))
  t.ok(frame.length < FRAME_MAX)
  const padding = ' '.repeat(FRAME_MAX)
  const long = Buffer.from(`onescan-answer/1 ${nonce} {"answer":"clean"}${padding}\n`)
  t.equal(decodeFrame(nonce, long), undefined)
})
