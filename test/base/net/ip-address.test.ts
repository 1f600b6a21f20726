import { isIP } from 'node:net'
import fc from 'fast-check'
import t from 'tap'
import {
  addressText,
  isLoopback,
  isUnspecified,
  Network,
  parseIpAddress,
} from '../../../src/base/net/ip-address.ts'

const hex = (text: string) => {
  const address = parseIpAddress(text)
  return address && Buffer.from(address).toString('hex')
}

t.test('addresses are read in every form that tcpserver writes', async (t) => {
  t.equal(hex('192.0.2.1'), 'c0000201')
  t.equal(hex('::'), '0'.repeat(32))
  t.equal(hex('2001:db8::1'), `20010db8${'0'.repeat(23)}1`)
  t.equal(hex('2001:DB8:1:2:3:4:5:6'), '20010db8000100020003000400050006')
  t.equal(hex('fe80::1%eth0'), `fe80${'0'.repeat(27)}1`)
  t.equal(hex('::ffff:192.0.2.1'), 'c0000201', 'an IPv4 address in IPv6 form')
  t.equal(hex('::FFFF:c000:201'), 'c0000201')
})

t.test('loopback and unspecified addresses are recognized', async (t) => {
  const kindOf = (text: string) => {
    const address = parseIpAddress(text)!
    return isLoopback(address) ? 'loopback' : isUnspecified(address) ? 'unspecified' : 'other'
  }
  for (const text of ['127.0.0.1', '127.255.255.255', '::1', '::ffff:127.0.0.2'])
    t.equal(kindOf(text), 'loopback', text)
  for (const text of ['0.0.0.0', '::', '::ffff:0.0.0.0']) t.equal(kindOf(text), 'unspecified', text)
  for (const text of ['0.0.0.1', '126.0.0.1', '128.0.0.0', '::2', '1::1', '::127.0.0.1'])
    t.equal(kindOf(text), 'other', text)
})

t.test('texts that are not addresses are not read as one', async (t) => {
  const nonsense = ['', '1.2.3', '1.2.3.4.5', '256.1.1.1', '1.2.3.-4', ' 1.2.3.4', '1.2.3.4\n']
  nonsense.push('1.2.3.4%eth0', ':', ':::', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9')
  nonsense.push(
    '01.2.3.4',
    '12345::',
    'g::',
    '::1.2.3',
    'unknown',
    '1:2:3:4:5:6:7::8',
    '::192.0.2.1.',
  )
  for (const text of nonsense) t.equal(parseIpAddress(text), undefined, JSON.stringify(text))
})

t.test('a text is an address exactly if node:net accepts it', async (t) => {
  const words = ['', '0', '1', '01', '99', '255', '256', 'ffff', 'F', '12345', 'g', ' ', ']', '/']
  const marks = [':', '.', '::', ':']
  const texts = fc
    .array(fc.tuple(fc.constantFrom(...words, '192.0.2.1'), fc.constantFrom(...marks)), {
      maxLength: 9,
    })
    .map((pieces) => pieces.flat().join(''))
    .chain((text) => fc.constantFrom(text, text.replace(/[:.]+$/, '')))
  const agrees = (text: string) => (parseIpAddress(text) !== undefined) === isIP(text) > 0
  fc.assert(fc.property(fc.oneof(texts, fc.ipV4(), fc.ipV6()), agrees), { numRuns: 5000 })
  t.pass('each of them')
})

t.test('a network contains the addresses of its bits, and no others', async (t) => {
  const holds = (network: string, address: string) =>
    Network.parse(network)!.has(parseIpAddress(address)!)
  t.ok(holds('192.0.2.0/24', '192.0.2.255'))
  t.notOk(holds('192.0.2.0/24', '192.0.3.0'))
  t.ok(holds('192.0.2.128/25', '192.0.2.200'))
  t.notOk(holds('192.0.2.128/25', '192.0.2.127'))
  t.ok(holds('10.', '10.1.2.3'), 'as in tcprules')
  t.notOk(holds('10.', '100.1.2.3'))
  t.ok(holds('0.0.0.0/0', '192.0.2.1'))
  t.notOk(holds('0.0.0.0/0', '2001:db8::1'), 'not of the other family')
  t.ok(holds('192.0.2.1', '192.0.2.1'))
  t.ok(holds('2001:db8::/33', '2001:db8:7fff::1'))
  t.notOk(holds('2001:db8::/33', '2001:db8:8000::1'))
  t.ok(holds('::ffff:192.0.2.0/120', '192.0.2.9'))
  for (const text of [
    '192.0.2.0/33',
    '192.0.2.0/',
    '192.0.2.0/-1',
    '192.0.2.0/8/8',
    '1.2.3',
    '999.',
  ]) {
    t.equal(Network.parse(text), undefined, text)
  }
})

t.test('an address that is written and read again is the same', async (t) => {
  const bytes = (length: number) =>
    fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: length, maxLength: length })
  fc.assert(
    fc.property(fc.oneof(bytes(4), bytes(16)), (parts) => {
      const address = Uint8Array.from(parts)
      const isMapped =
        parts.length === 16 && parts.slice(0, 12).join() === '0,0,0,0,0,0,0,0,0,0,255,255'
      fc.pre(!isMapped)
      t.same([...(parseIpAddress(addressText(address)) ?? [])], parts)
    }),
    { numRuns: 200 },
  )
  t.equal(
    addressText(parseIpAddress('2001:db8:0:0:1:0:0:1')!),
    '2001:db8::1:0:0:1',
    'RFC 5952 4.2.3',
  )
  t.equal(
    addressText(parseIpAddress('2001:db8:0:1:1:1:1:1')!),
    '2001:db8:0:1:1:1:1:1',
    'RFC 5952 4.2.2',
  )
})
