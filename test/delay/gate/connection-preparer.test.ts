import t, { type Test } from 'tap'
import { clientKey, parseIpAddress } from '../../../src/base/net/ip-address.ts'
import type { System } from '../../../src/base/runtime/system.ts'
import { ConnectionPreparer } from '../../../src/delay/gate/connection-preparer.ts'
import { GateConnection } from '../../../src/delay/gate/gate-connection.ts'
import { RememberedClients } from '../../../src/delay/gate/remembered-clients.ts'
import { readOptions } from '../../../src/delay/options/delay-options.ts'
import { compileRules, ucspiMissing } from '../../programs/servers/ucspi.ts'
import { startDns } from '../dns-stand-in.ts'
import { allWait, namesFrom } from '../waits.ts'

/** What the gate finds out about a client before it waits, and the environment of its program. */

const uptime = () => performance.now()
const here = { address: parseIpAddress('192.0.2.25')!, port: 25 }

/** A gate with these options; `come` prepares a client's connection. */
async function gate(t: Test, words: readonly string[], env: Record<string, string> = {}) {
  const dns = await startDns(t, {
    '25.2.0.192.in-addr.arpa': { names: ['mx.example.org'] },
    '1.2.0.192.in-addr.arpa': { names: ['friend.example.org', 'dsl-2.example.org'] },
    '2.2.0.192.in-addr.arpa': { names: ['friend.example.org'] },
    '4.2.0.192.in-addr.arpa': { names: ['other.example.org'] },
    'friend.example.org': { address: '192.0.2.1' },
    'other.example.org': { address: '192.0.2.4' },
  })
  const all = ['--listen', '25', ...allWait(7), ...namesFrom(dns.server, 5), ...words, 'next']
  const options = readOptions(all)
  const system = { localEndpoint: (fd: number) => (fd < 0 ? undefined : here) } as System
  const remembered = new RememberedClients(60_000, uptime)
  const tools = { options, gate: options.gate!, env, system, remembered, uptime }
  const preparer = new ConnectionPreparer(tools)
  const come = (ip: string, fd = 3) => {
    const peer = { fd, address: parseIpAddress(ip)!, port: 4000 }
    return preparer.prepare(new GateConnection(1, peer, system, uptime))
  }
  return { come, remembered, asked: dns.asked }
}

t.test('equal questions of clients that come at once are asked once', async (t) => {
  const { come, asked } = await gate(t, ['-p'])
  const ips = [...Array(20).fill('192.0.2.1'), '192.0.2.2', '192.0.2.4']
  const connections = await Promise.all(ips.map((ip) => come(ip)))
  t.same(
    connections.slice(-3).map((connection) => connection?.environment.TCPREMOTEHOST),
    ['friend.example.org', undefined, 'other.example.org'],
    'which counts if the name has the address',
  )
  for (const connection of connections)
    if (connection?.plan.kind === 'wait') await connection.plan.judgement
  const count = (name: string) => asked.filter((question) => question === name).length
  t.equal(count('1.2.0.192.in-addr.arpa'), 2, 'for the program, and for the wait')
  t.equal(count('25.2.0.192.in-addr.arpa'), 1)
  t.ok(count('friend.example.org') <= 2)
})

t.test('the program gets the variables of tcp-environ(5), and none of the gate', async (t) => {
  const own = { NOTIFY_SOCKET: 'x', SMTPDELAY_SIGIGN: '0', LISTEN_FDS: '1', TCPREMOTEINFO: 'x' }
  const ends = {
    PROTO: 'TCP',
    TCPLOCALIP: '192.0.2.25',
    TCPLOCALPORT: '25',
    TCPREMOTEPORT: '4000',
  }
  const named = await gate(t, [], { ...own, TCPREMOTEHOST: 'forged', PATH: '/bin' })
  t.same((await named.come('192.0.2.2'))?.environment, {
    ...{ PATH: '/bin', ...ends, TCPLOCALHOST: 'mx.example.org' },
    ...{ TCPREMOTEIP: '192.0.2.2', TCPREMOTEHOST: 'friend.example.org' },
  })
  const unnamed = await gate(t, ['-H', '-l', 'me'])
  t.same((await unnamed.come('::1'))?.environment, {
    ...ends,
    ...{ TCPLOCALHOST: 'me', TCPREMOTEIP: '::1' },
  })
  await t.rejects(unnamed.come('192.0.2.1', -1), { message: 'the connection is broken' })
})

t.test('the wait is that of all names, but for a client that is known', async (t) => {
  const { come, remembered } = await gate(t, [])
  const reason = async (ip: string) => {
    const plan = (await come(ip))?.plan
    return plan?.kind === 'wait' ? (await plan.judgement).reason : plan?.reason
  }
  t.match(await reason('192.0.2.1'), /^ordinary friend/, 'the first name or another one')
  t.match(await reason('192.0.2.9'), /^nameless/)
  remembered.add(clientKey(parseIpAddress('192.0.2.9')!))
  t.equal(await reason('192.0.2.9'), 'remembered')
  const relay = await gate(t, [], { RELAYCLIENT: '' })
  t.match((await relay.come('192.0.2.9'))?.plan, { kind: 'pass', reason: 'RELAYCLIENT' })
})

t.test('a rule sets variables for its client, or denies it', { skip: ucspiMissing }, async (t) => {
  const rules = '=friend.example.org:allow,WHO="friend",SMTPDELAY="0"\n192.0.2.9:deny\n:allow\n'
  const { come } = await gate(t, ['-x', compileRules(t.testdir({}), rules)])
  const friend = await come('192.0.2.1')
  t.match(friend, { environment: { WHO: 'friend' }, plan: { kind: 'pass', reason: 'SMTPDELAY=0' } })
  t.equal(await come('192.0.2.9'), undefined)
  t.equal((await come('192.0.2.8'))?.plan.kind, 'wait')
})
