import fc from 'fast-check'
import t from 'tap'
import {
  createPacketReader,
  packet,
  strings,
} from '../../../../src/scanner/protocol/milter/packets.ts'

const LENGTH_MAX = 200_000

function read(pieces: readonly Buffer[]): { packets: [string, string][]; isAmidst: boolean } {
  const reader = createPacketReader(() => LENGTH_MAX)
  const packets: [string, string][] = []
  for (const piece of pieces) {
    reader.push(piece)
    for (let next = reader.next(); next; next = reader.next()) {
      packets.push([next.type, next.payload.toString('hex')])
    }
  }
  return { packets, isAmidst: reader.isAmidst }
}

/** The bytes cut at these places, given as shares of their length. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = places.map((place) => Math.floor(place * bytes.length)).sort((a, b) => a - b)
  return [0, ...at].map((start, i) => bytes.subarray(start, at[i] ?? bytes.length))
}

const somePackets = fc.array(
  fc.tuple(fc.constantFrom('O', 'B', 'L', 'Q', '\0', '\xff'), fc.uint8Array({ maxLength: 300 })),
  { maxLength: 8 },
)
const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })

t.test('packets are the same however their bytes arrive', async () => {
  fc.assert(
    fc.property(somePackets, places, (packets, places) => {
      const bytes = Buffer.concat(packets.map(([c, data]) => packet(c, Buffer.from(data))))
      const wanted = packets.map(([c, data]) => [c, Buffer.from(data).toString('hex')])
      t.strictSame(read(cut(bytes, places)), { packets: wanted, isAmidst: false })
      const single = Array.from(bytes, (byte) => Buffer.of(byte))
      t.strictSame(read(single), { packets: wanted, isAmidst: false })
    }),
    { numRuns: 100 },
  )
})

t.test('a large packet is whole, wherever it is cut', async (t) => {
  const data = Buffer.from(Array.from({ length: LENGTH_MAX - 1 }, (_, i) => i % 251))
  const bytes = Buffer.concat([packet('B', data), packet('E')])
  for (const size of [1, 7, 4096, 65_536, 150_000]) {
    const pieces: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size))
    const { packets } = read(pieces)
    t.same(packets.map(([command]) => command).join(''), 'BE')
    t.ok(Buffer.from(packets[0]![1], 'hex').equals(data), `in pieces of ${size} bytes`)
  }
})

t.test('a reader knows whether it is in the middle of a packet', async (t) => {
  const bytes = Buffer.concat([packet('N'), packet('H', strings('host'))])
  for (let length = 0; length <= bytes.length; length++) {
    const whole = length === 0 || length === 5 || length === bytes.length
    t.equal(read([bytes.subarray(0, length)]).isAmidst, !whole, `${length} bytes`)
  }
})

t.test('a length of nothing or of too much is refused before anything is kept', async (t) => {
  const length = (value: number) => Buffer.from(`${value.toString(16).padStart(8, '0')}42`, 'hex')
  for (const wrong of [0, LENGTH_MAX + 1, 0x7fffffff, 0xffffffff]) {
    t.throws(() => read([length(wrong)]), { name: 'WireError' }, `${wrong} bytes`)
    t.throws(() => read([packet('N'), length(wrong)]), { name: 'WireError' }, 'behind another')
  }
  t.same(read([length(LENGTH_MAX)]).packets, [])
})

t.test('packets before a bad length are read', async (t) => {
  const reader = createPacketReader(() => LENGTH_MAX)
  reader.push(Buffer.concat([packet('N'), Buffer.alloc(5)]))
  t.equal(reader.next()?.type, 'N')
  t.throws(() => reader.next(), /0 bytes/)
})

// promise: memory-and-time, rule-16-limits
t.test('a length that is only claimed costs no memory', async (t) => {
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 50 }, () => {
    const reader = createPacketReader(() => 64 * 1024 * 1024)
    reader.push(Buffer.from([0x03, 0xff, 0xff, 0xff, 0x42, 1, 2, 3]))
    reader.next()
    return reader
  })
  const grown = process.memoryUsage().arrayBuffers - before
  t.ok(grown < 16 * 1024 * 1024, `${readers.length} readers: ${grown} bytes`)
})

t.test('memory for a packet in pieces is charged, and given back', async (t) => {
  const data = Buffer.alloc(150_000, 'x')
  const bytes = Buffer.concat([packet('B', data), packet('N'), packet('L', data)])
  for (const size of [7, 4096, 70_000]) {
    let charged = 0
    let most = 0
    const memory = {
      charge(bytes: number) {
        charged += bytes
        most = Math.max(most, charged)
      },
      release(memory: Buffer) {
        charged -= memory.length
      },
    }
    const reader = createPacketReader(() => LENGTH_MAX, memory)
    let whole = 0
    for (let at = 0; at < bytes.length; at += size) {
      reader.push(bytes.subarray(at, at + size))
      for (let next = reader.next(); next; next = reader.next()) {
        if (next.payload.length > 0) t.ok(next.payload.equals(data))
        whole++
      }
    }
    t.equal(whole, 3)
    t.ok(most >= data.length && most <= 3 * data.length, `${most} bytes in pieces of ${size}`)
    reader.trim()
    t.equal(charged, 0)
    reader.push(bytes.subarray(0, 100_000))
    reader.next()
    t.ok(charged > 99_000)
    reader.close()
    t.equal(charged, 0)
  }
})

t.test('a packet for which there is no memory is refused', async (t) => {
  const full = () => {
    throw new Error('no memory')
  }
  const reader = createPacketReader(() => LENGTH_MAX, { charge: full, release() {} })
  const bytes = packet('B', Buffer.alloc(100))
  reader.push(bytes)
  t.equal(reader.next()?.type, 'B', 'a packet in one piece needs none')
  reader.push(bytes.subarray(0, 50))
  t.throws(() => reader.next(), /no memory/)
})

t.test(
  'pieces that wait become one, so that they take no more memory than their bytes',
  async (t) => {
    const full = () => {
      throw new Error('no memory')
    }
    let inOnePiece = 0
    for (let length = 1000; length < 1300; length++) {
      const reader = createPacketReader(() => LENGTH_MAX, { charge: full, release() {} })
      for (const byte of packet('B', Buffer.alloc(length))) reader.push(Buffer.of(byte))
      t.equal(reader.pending, 5 + length)
      try {
        if (reader.next()?.payload.length === length) inOnePiece++
      } catch {}
    }
    t.ok(inOnePiece > 0, `${inOnePiece} packets`)
  },
)

t.test('a command may have a limit of its own, known by its first byte', async (t) => {
  const lengthOf = (command: string) => (command === 'B' ? LENGTH_MAX : 10)
  for (const [bytes, fits] of [
    [packet('B', Buffer.alloc(100)), true],
    [packet('H', Buffer.alloc(9)), true],
    [packet('H', Buffer.alloc(10)), false],
    [packet('H', Buffer.alloc(10)).subarray(0, 5), false],
  ] as const) {
    const reader = createPacketReader(lengthOf)
    reader.push(bytes)
    if (fits) t.ok(reader.next())
    else t.throws(() => reader.next(), { name: 'WireError' })
  }
})

t.test('a string with a NUL is not sent', async (t) => {
  t.throws(() => strings('a\0b'), { name: 'WireError' })
  t.same(strings('a', Buffer.from('b')), Buffer.from('a\0b\0'))
})
