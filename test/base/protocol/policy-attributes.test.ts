import fc from 'fast-check'
import t from 'tap'
import { AttributeReader, writeAttributes } from '../../../src/base/protocol/policy-attributes.ts'

const REQUEST_MAX = 64 * 1024

/** The attributes of Postfix, in any split. */

const value = fc.string({ unit: 'binary-ascii', maxLength: 20 }).map((text) => {
  return text.replace(/[\0\r\n]/g, '=')
})
const name = fc.stringMatching(/^[a-z_]{1,10}$/)
const request = fc.dictionary(name, value, { minKeys: 1 })

t.test('requests are read as they were written, wherever the bytes are split', async (t) => {
  fc.assert(
    fc.property(fc.array(request), fc.array(fc.nat(200)), (requests, lengths) => {
      const wire = Buffer.concat(requests.map(writeAttributes))
      const reader = new AttributeReader()
      const read: unknown[] = []
      let at = 0
      for (const length of [...lengths, wire.length]) {
        for (const request of reader.push(wire.subarray(at, at + length))) {
          read.push(Object.fromEntries(request))
        }
        at += length
      }
      t.same(read, requests)
    }),
  )
})

t.test('requests are read if each byte comes alone', async (t) => {
  const wire = writeAttributes({ request: 'smtpd_access_policy', recipient: 'a=b@c', size: 0 })
  const reader = new AttributeReader()
  const read = [...wire].flatMap((byte) => reader.push(Buffer.of(byte)))
  t.same(read.map((request) => request.get('recipient')), ['a=b@c']) // biome-ignore format: short
})

// promise: rule-17-outside
t.test('a value that holds a line end writes no second line', async (t) => {
  t.equal(writeAttributes({ why: 'a\naction=OK\r\0' }).toString(), 'why=a?action=OK??\n\n')
})

for (const [what, wire] of Object.entries({
  'a line without a sign': 'request\n\n',
  'a line without a name': '=x\n\n',
  'an empty request': '\n',
  'a line without an end': 'a='.padEnd(REQUEST_MAX + 1, 'x'),
  'a request without an end': 'a=b\n'.repeat(REQUEST_MAX / 4 + 1),
  HTTP: 'GET / HTTP/1.1\r\n\r\n',
})) {
  t.test(`${what} is no request`, async (t) => {
    t.throws(() => new AttributeReader().push(Buffer.from(wire)), { name: 'Error' })
    const reader = new AttributeReader()
    t.throws(() => {
      for (const byte of Buffer.from(wire)) reader.push(Buffer.of(byte))
    })
  })
}

t.test('any bytes are requests or an error', async (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        for (const request of new AttributeReader().push(Buffer.from(bytes))) t.ok(request.size > 0)
      } catch (error) {
        t.match(error, { name: 'Error' })
      }
    }),
  )
})
