import t from 'tap'
import { readOptions } from '../../src/quota/quotad-options.ts'

const allowed = (...networks: string[]) =>
  readOptions(networks.flatMap((network) => ['--allow', network])).mayAsk

t.test('only the host itself may ask unless networks are allowed', async (t) => {
  const may = allowed()
  for (const address of ['127.0.0.1', '127.1.2.3', '::1', '::ffff:127.0.0.1'])
    t.ok(may(address), address)
  for (const address of ['192.0.2.1', '::2', 'fe80::1%eth0', '::ffff:192.0.2.1', '', 'x']) {
    t.notOk(may(address), address)
  }
})

t.test('networks may be IPv4 or IPv6, and mapped addresses count as IPv4', async (t) => {
  const may = allowed('192.0.2.0/25', '2001:db8::/33', 'fe80::/10')
  for (const address of ['192.0.2.127', '::ffff:192.0.2.1', '2001:db8:7fff::1', 'fe80::1%eth0']) {
    t.ok(may(address), address)
  }
  for (const address of ['192.0.2.128', '2001:db8:8000::1', '192.0.3.1'])
    t.notOk(may(address), address)
})

t.test('an invalid option is named', async (t) => {
  for (const [words, message] of [
    [['--allow', 'x'], /^--allow x: must be a network/],
    [['--allow', '1.2.3.4/33'], /^--allow 1\.2\.3\.4\/33/],
    [['--udp', 'localhost:1'], /^--udp localhost:1: must be ADDRESS:PORT/],
    [['--udp', '127.0.0.1'], /^--udp/],
    [['--udp', '::1:53'], /^--udp/],
    [['--http', '127.0.0.1:65536'], /^--http/],
    [['--udp', 'none', '--http', 'none'], /no client could connect/],
    [['--max-clients', '0'], /^--max-clients 0: must be a whole number/],
    [['more'], /more/],
  ] as const) {
    t.throws(() => readOptions(words), { message }, words.join(' '))
  }
  t.match(readOptions(['--udp', '[::1]:53']).udp, { host: '::1', port: 53 })
  t.equal(readOptions(['--http', 'none']).http, undefined)
})
