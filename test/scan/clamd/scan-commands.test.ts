import fc from 'fast-check'
import t from 'tap'
import { PACKET_DATA, streamPackets } from '../../../src/scan/clamd/scan-commands.ts'

/** The message that clamd reads from the packets. Throws if they are no INSTREAM. */
function receive(packets: Iterable<Buffer>): { message: Buffer; packets: number } {
  // Copies, because a packet is valid only until the next one is asked for.
  const sent = Array.from(packets, (packet) => Buffer.from(packet))
  const wire = Buffer.concat(sent)
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
  if (at !== wire.length) throw new Error('bytes behind the closing zero')
  return { message: Buffer.concat(parts), packets: sent.length }
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
        t.ok(receive(streamPackets(pieces(message, size))).message.equals(message))
      },
    ),
    { numRuns: 60 },
  )
  for (const length of [0, 1, PACKET_DATA - 1, PACKET_DATA, PACKET_DATA + 1, 2 * PACKET_DATA]) {
    const message = Buffer.alloc(length, 'abc')
    t.ok(receive(streamPackets([message])).message.equals(message), `${length} bytes`)
  }
})

t.test('a small message is one write, with its command and its end', async (t) => {
  for (const length of [0, 4096, PACKET_DATA]) {
    t.equal(receive(streamPackets(pieces(Buffer.alloc(length, 'x'), 1000))).packets, 1)
  }
  t.equal(receive(streamPackets([Buffer.alloc(PACKET_DATA + 1)])).packets, 2)
})

t.test('an empty chunk does not end the message', async (t) => {
  const chunks = [Buffer.from('a'), Buffer.alloc(0), Buffer.from('b')]
  t.equal(receive(streamPackets(chunks)).message.toString(), 'ab')
})
