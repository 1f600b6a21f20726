import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import t from 'tap'
import { findTcpRule } from '../../../src/delay/gate/tcp-rules.ts'
import { addressText, parseIpAddress } from '../../../src/ground/net/ip-address.ts'
import { compileRules, ucspiMissing } from '../../programs/ucspi.ts'

/** Rules as tcprules compiles them, beside what tcprulescheck says of the same clients. */

const RULES = `192.0.2.1:allow,WHO="one"
192.0.2.:deny
192.:allow,WHO="192",EMPTY=""
10.2-3.:allow,WHO=/ten/
=mail.example.org:allow,WHO="by name"
=.example.org:deny
=:allow,WHO="named",MORE="a=b"
:allow,WHO="any"
`

t.test(
  'the first rule that fits is the one that tcpserver takes',
  { skip: ucspiMissing },
  async (t) => {
    const file = compileRules(t.testdir({}), RULES)
    const hosts = [undefined, 'mail.example.org', 'x.y.example.org', 'example.org', 'org', '.', '']
    for (const ip of [
      '192.0.2.1',
      '192.0.2.7',
      '192.7.0.1',
      '10.3.9.9',
      '10.4.0.1',
      '203.0.113.5',
      '::1',
    ]) {
      for (const host of hosts) {
        const { isDenied, variables } = findTcpRule({ file, mayBeMissing: false }, ip, host)
        const env = {
          PATH: process.env.PATH,
          TCPREMOTEIP: ip,
          ...(host !== undefined && { TCPREMOTEHOST: host }),
        }
        const { stdout } = spawnSync('tcprulescheck', [file], { env, encoding: 'utf8' })
        t.equal(isDenied, stdout.includes('deny connection'), `${ip} ${host}`)
        const told = [...stdout.matchAll(/^set environment variable (\w+)=(.*)$/gm)]
        t.same(
          variables,
          told.map(([, name, value]) => [name, value]),
          stdout,
        )
      }
    }
  },
)

t.test('addresses are written so that they are read as the same', async (t) => {
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
