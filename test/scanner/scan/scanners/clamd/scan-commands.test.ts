import fc from 'fast-check'
import t from 'tap'
import { PACKET_DATA } from '../../../../../src/scanner/protocol/clamd/stream.ts'
import { streamsOf } from '../../../../../src/scanner/scan/scanners/clamd/scan-commands.ts'

/** The packets of contents that are streamed. */
const packetsOf = ({ packets }: ReturnType<typeof streamsOf>) => packets() as Iterable<Buffer>

/** The message that clamd reads from a content's packets. Throws if they are not INSTREAM. */
function receive(chunks: Iterable<Buffer>): { message: Buffer; packets: number } {
  const packets = packetsOf(streamsOf([{ size: PACKET_DATA, chunks: () => chunks }]))
  // Copies, because a packet is valid only until the next one is asked for.
  const sent = Array.from(packets, (packet) => Buffer.from(packet))
  const wire = Buffer.concat(sent)
  const { message, length } = takeStream(wire)
  if (length !== wire.length) throw new Error('bytes behind the closing zero')
  return { message, packets: sent.length }
}

/** The message of the INSTREAM at the front of these bytes, and how many of them it takes. */
function takeStream(wire: Buffer): { message: Buffer; length: number } {
  const command = 'zINSTREAM\0'
  if (wire.toString('latin1', 0, command.length) !== command) throw new Error('no INSTREAM')
  const parts: Buffer[] = []
  let at = command.length
  for (;;) {
    const length = wire.readUInt32BE(at)
    at += 4
    if (length === 0) break
    parts.push(wire.subarray(at, at + length))
    at += length
  }
  return { message: Buffer.concat(parts), length: at }
}

/** The message in pieces that lie in one buffer, as a spool reads them. */
function* pieces(message: Buffer, size: number): Generator<Buffer> {
  const buffer = Buffer.alloc(size)
  for (let at = 0; at < message.length; at += size) {
    const copied = message.copy(buffer, 0, at, at + size)
    yield buffer.subarray(0, copied)
    buffer.fill(0xee)
  }
}

t.test('the message arrives whole, however its chunks are split', async (t) => {
  fc.assert(
    fc.property(
      fc.nat({ max: 3 * PACKET_DATA }),
      fc.constantFrom(1000, PACKET_DATA - 1, PACKET_DATA, PACKET_DATA + 1, 5 * PACKET_DATA),
      (length, size) => {
        const message = Buffer.alloc(length, 'From: a\n\n\0\xff body\r\n', 'latin1')
        t.ok(receive(pieces(message, size)).message.equals(message))
      },
    ),
    { numRuns: 60 },
  )
  for (const length of [0, 1, PACKET_DATA - 1, PACKET_DATA, PACKET_DATA + 1, 2 * PACKET_DATA]) {
    const message = Buffer.alloc(length, 'abc')
    t.ok(receive([message]).message.equals(message), `${length} bytes`)
  }
})

t.test('a small message is one write, with its command and its end', async (t) => {
  for (const length of [0, 4096, PACKET_DATA]) {
    t.equal(receive(pieces(Buffer.alloc(length, 'x'), 1000)).packets, 1)
  }
  t.equal(receive([Buffer.alloc(PACKET_DATA + 1)]).packets, 2)
})

t.test('an empty chunk does not end the message', async (t) => {
  const chunks = [Buffer.from('a'), Buffer.alloc(0), Buffer.from('b')]
  t.equal(receive(chunks).message.toString(), 'ab')
})

t.test('several contents that are sent together arrive whole, and in their order', async (t) => {
  const sizes = [0, 1, 4096, PACKET_DATA - 1, PACKET_DATA, PACKET_DATA + 1, 2 * PACKET_DATA + 5]
  const lists = [...sizes.flatMap((size) => [[size, 100], [100, size], [100, size, 70_000]]), sizes] // biome-ignore format: a line
  for (const list of lists) {
    const contents = list.map((size, n) => Buffer.alloc(size, `content ${n}, line\n`))
    const commands = streamsOf(
      contents.map((content) => ({
        chunks: () => pieces(content, 16 * 1024),
        size: content.length,
      })),
    )
    t.equal(commands.count, contents.length)
    let wire = Buffer.alloc(0)
    for (const packet of packetsOf(commands)) wire = Buffer.concat([wire, packet])
    for (const content of contents) {
      const { message, length } = takeStream(wire)
      if (!message.equals(content)) t.fail(`${list}: ${content.length} bytes differ`)
      wire = wire.subarray(length)
    }
    t.equal(wire.length, 0, `${list}`)
  }
})
