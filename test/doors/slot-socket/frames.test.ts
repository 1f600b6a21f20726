import fc from 'fast-check'
import t from 'tap'
import { createFrameReader, frame } from '../../../src/doors/slot-socket/frames.ts'

function read(pieces: readonly Buffer[]): { frames: [string, string][]; isAmidst: boolean } {
  const frames: [string, string][] = []
  const reader = createFrameReader({
    room: (_, length) => Buffer.alloc(length),
    take: (type, payload) => void frames.push([type, payload.toString('hex')]),
  })
  for (const piece of pieces) reader.push(piece)
  return { frames, isAmidst: reader.isAmidst }
}

/** The bytes cut at these places, given as shares of their length. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b)
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length))
}

const someFrames = fc.array(
  fc.tuple(fc.constantFrom('V', 'M', '.', 'h', '\0'), fc.uint8Array({ maxLength: 300 })),
  { maxLength: 8 },
)
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })

t.test('frames are the same however their bytes arrive', async () => {
  fc.assert(
    fc.property(someFrames, places, (frames, places) => {
      const bytes = Buffer.concat(
        frames.map(([type, payload]) => frame(type, Buffer.from(payload))),
      )
      const wanted = frames.map(([type, payload]) => [type, Buffer.from(payload).toString('hex')])
      t.strictSame(read(cut(bytes, places)), { frames: wanted, isAmidst: false })
      const single = Array.from(bytes, (byte) => Buffer.of(byte))
      t.strictSame(read(single), { frames: wanted, isAmidst: false })
    }),
    { numRuns: 100 },
  )
})

t.test('a reader knows whether a frame is incomplete', async (t) => {
  const bytes = Buffer.concat([frame('h'), frame('V', Buffer.from('A=b'))])
  for (let length = 0; length <= bytes.length; length++) {
    const whole = length === 0 || length === 5 || length === bytes.length
    t.equal(read([bytes.subarray(0, length)]).isAmidst, !whole, `${length} bytes`)
  }
})

t.test('a length is big-endian, and known before a byte of the payload is kept', async (t) => {
  const told: [string, number][] = []
  const reader = createFrameReader({
    room(type, length) {
      told.push([type, length])
      throw new Error('no room')
    },
    take: () => t.fail('was taken'),
  })
  t.throws(() => reader.push(Buffer.from([0x4d, 0x12, 0x34, 0x56, 0x78])), /no room/)
  t.strictSame(told, [['M', 0x12345678]])
})
