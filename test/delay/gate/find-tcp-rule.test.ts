import { spawnSync } from 'node:child_process'
import t from 'tap'
import { findTcpRule } from '../../../src/delay/gate/find-tcp-rule.ts'
import { compileRules, ucspiMissing } from '../../programs/servers/ucspi.ts'

/** Rules that tcprules compiled, read by the gate and by tcprulescheck for the same clients. */

const RULES = `192.0.2.1:allow,WHO="one"
192.0.2.:deny
192.:allow,WHO="192",EMPTY=""
10.2-3.:allow,WHO=/ten/
=mail.example.org:allow,WHO="by name"
=.example.org:deny
=:allow,WHO="named",MORE="a=b"
:allow,WHO="any"
`

t.test('the first rule that fits is that of tcpserver', { skip: ucspiMissing }, async (t) => {
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
      const printed = [...stdout.matchAll(/^set environment variable (\w+)=(.*)$/gm)]
      t.same(
        variables,
        printed.map(([, name, value]) => [name, value]),
        stdout,
      )
    }
  }
})
