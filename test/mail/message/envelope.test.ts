import fc from 'fast-check'
import t from 'tap'
import { Fault } from '../../../src/base/errors/fault.ts'
import { addressBytes, readAddress } from '../../../src/base/text/address.ts'
import {
  ADDRESS_MAX,
  clientNameOf,
  ENVELOPE_MAX,
  EnvelopeReader,
  makeEnvelope,
  redirect,
} from '../../../src/mail/message/envelope.ts'

/** Reads `wire` in pieces that end at each of `cuts`. */
function read(wire: Buffer, cuts: readonly number[] = []) {
  const reader = new EnvelopeReader()
  let from = 0
  for (const cut of [...cuts, wire.length]) {
    reader.push(wire.subarray(from, cut))
    from = cut
  }
  return reader.finish()
}

function faultOf(wire: Buffer | string): string {
  try {
    read(Buffer.from(wire as string, 'latin1'))
    return 'none'
  } catch (error) {
    return error instanceof Fault ? error.kind : String(error)
  }
}

const address = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => Buffer.from(bytes.map((byte) => byte || 1)))

t.test('an envelope is the same in every split of its bytes', async (t) => {
  fc.assert(
    fc.property(
      address,
      fc.array(address, { maxLength: 5 }),
      fc.array(fc.nat({ max: 300 }), { maxLength: 8 }),
      (sender, recipients, cuts) => {
        const wire = makeEnvelope(sender, recipients).wire
        const inside = cuts.filter((cut) => cut <= wire.length).sort((a, b) => a - b)
        const envelope = read(wire, inside)
        t.ok(envelope.wire.equals(wire))
        t.ok(addressBytes(envelope.sender).equals(sender))
        t.equal(envelope.recipientCount, recipients.length)
        t.ok(
          Buffer.concat([...envelope.recipients].map(addressBytes)).equals(
            Buffer.concat(recipients),
          ),
        )
      },
    ),
  )
})

t.test('bytes after the last NUL are ignored', async (t) => {
  const envelope = read(Buffer.from('Fa\0Tb\0\0Tc\0\0'))
  t.equal(envelope.wire.toString('latin1'), 'Fa\0Tb\0\0')
})

t.test('an envelope cut at any byte is a client that gave up', async (t) => {
  const wire = 'Fsender@example.org\0Tone@example.org\0Ttwo@example.org\0\0'
  for (let length = 0; length < wire.length; length++) {
    t.equal(faultOf(wire.slice(0, length)), 'read', `${length} bytes`)
  }
})

t.test('a wrong letter is not an envelope', async (t) => {
  for (const wire of ['X\0\0', '\0', 'Fa\0Xb\0\0', 'Fa\0Fb\0\0', 'Ta\0\0']) {
    t.equal(faultOf(wire), 'envelope', JSON.stringify(wire))
  }
})

t.test('addresses may have 1,002 bytes and not one more', async (t) => {
  const longest = 'a'.repeat(ADDRESS_MAX)
  t.equal(faultOf(`F${longest}\0T${longest}\0\0`), 'none')
  t.equal(faultOf(`F${longest}a\0Tb\0\0`), 'address-too-long')
  t.equal(faultOf(`Fa\0T${longest}a\0\0`), 'address-too-long')
  t.equal(faultOf(`Fa\0T${longest}a`), 'address-too-long', 'known before the end')
})

t.test('an error names the place in the envelope', async (t) => {
  const errorOf = (wire: string) => {
    try {
      read(Buffer.from(wire, 'latin1'))
    } catch (error) {
      return (error as Fault).message
    }
    return ''
  }
  const long = 'l'.repeat(ADDRESS_MAX + 1)
  t.equal(errorOf('Xa\0\0'), "envelope: expected 'F', got byte 88")
  t.equal(errorOf('Fa\0Xb\0\0'), "envelope: expected 'T' or the last NUL, got byte 88")
  t.equal(errorOf(`F${long}\0\0`), 'envelope: sender is longer than 1002 bytes')
  t.equal(errorOf(`Fa\0T${long}\0\0`), 'envelope: recipient 1 is longer than 1002 bytes')
  t.equal(errorOf(`Fa\0Tb\0T${long}\0\0`), 'envelope: recipient 2 is longer than 1002 bytes')
  t.equal(errorOf('Fa\0Tb\0'), 'envelope: ended before its last NUL; the client disconnected')
})

t.test('an envelope may have 64 MiB and not one more', async (t) => {
  // One recipient again and again, until `size` bytes are used up with the last NUL.
  const push = (size: number) => {
    const reader = new EnvelopeReader()
    reader.push(Buffer.from('F\0'))
    const recipient = Buffer.from(`T${'r'.repeat(1000)}\0`)
    const many = Buffer.concat(Array.from({ length: 500 }, () => recipient))
    let left = size - 2 - 1
    for (; left > many.length + recipient.length; left -= many.length) reader.push(many)
    for (; left > recipient.length + 2; left -= recipient.length) reader.push(recipient)
    reader.push(Buffer.from(`T${'r'.repeat(left - 2)}\0`))
    return reader.push(Buffer.from('\0'))
  }
  t.equal(push(ENVELOPE_MAX), true)
  t.throws(() => push(ENVELOPE_MAX + 1), {
    kind: 'out-of-memory',
    message: `envelope: is larger than ${ENVELOPE_MAX} bytes`,
  })
})

t.test('a redirected envelope has its sender and other recipients', async (t) => {
  const wire = Buffer.from('Fa@example.net\0Tb@example.org\0\0')
  const other = redirect(read(wire), [readAddress('c@x'), readAddress('d@x')])
  t.equal(other.wire.toString(), 'Fa@example.net\0Tc@x\0Td@x\0\0')
  t.equal(other.recipientCount, 2)
})

t.test('a client called "unknown", or by an address in brackets, has no name', async (t) => {
  for (const none of [undefined, '', 'unknown', '[192.0.2.1]', '[IPv6:2001:db8::1]']) {
    t.equal(clientNameOf(none), undefined)
  }
  for (const name of ['mail.example.org', 'unknown.example.org', 'localhost', 'odd[']) {
    t.equal(clientNameOf(name), name)
  }
})
