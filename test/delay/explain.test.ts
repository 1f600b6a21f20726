import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { startDns } from './dns-stand-in.ts'
import { runtimes } from './rig.ts'

/** `--explain` prints how long a client would wait, and why. */

const run = promisify(execFile)

for (const { name, smtpDelay } of runtimes) {
  const explain = async (...words: string[]) => {
    const [command = '', ...args] = [...smtpDelay, ...words]
    return (await run(command, args)).stdout.trimEnd()
  }

  t.test(`${name}: a name on the command line is classified without the DNS`, async (t) => {
    t.equal(
      await explain('-D', '7.5', '--explain', '203.0.113.77', '203-0-113-77.example.net'),
      '203.0.113.77: delay 7.5, dynamic 203-0-113-77.example.net (dynamic *{ip}*)',
    )
    t.equal(
      await explain('--explain', '2001:db8::77', 'mail.example.net'),
      '2001:db8::77: delay 1, ordinary mail.example.net (ordinary *|mail*)',
    )
  })

  t.test(`${name}: without a name the DNS is asked, for IPv6 too`, async (t) => {
    const domain = `7.7${'.0'.repeat(22)}.8.b.d.0.1.0.0.2.ip6.arpa`
    const dns = await startDns(t, { [domain]: { names: ['adsl-7.example.net'] } })
    const ask = (ip: string) => explain('--dns', dns.server, '--explain', ip)
    const dynamic = 'dynamic adsl-7.example.net (dynamic *|adsl|*)'
    t.equal(await ask('2001:db8::77'), `2001:db8::77: delay 10, ${dynamic}`)
    t.equal(await ask('::ffff:192.0.2.9'), '::ffff:192.0.2.9: delay 20, nameless (no name)')
    // A compiled program that waits longer asks about a name of its own, too.
    const asked = dns.asked.filter((name) => !name.endsWith('.invalid'))
    t.same(asked, [domain, '9.2.0.192.in-addr.arpa'])
  })
}

t.test('rules of --names come before the built-in rules, and may replace them', async (t) => {
  const [command = '', ...args] = runtimes[0]!.smtpDelay
  const directory = t.testdir({
    names: 'ordinary *|dsl|*.biz.example.net\n',
    own: 'ordinary *\n',
  })
  const names = join(directory, 'names')
  const look = async (...words: string[]) =>
    (await run(command, [...args, ...words])).stdout.split(' ')[3]
  const business = ['--explain', '192.0.2.9', 'dsl-9.biz.example.net']
  const other = ['--explain', '192.0.2.9', 'dsl-9.example.net']
  t.equal(await look(...business), 'dynamic')
  t.equal(await look('--names', names, ...business), 'ordinary')
  t.equal(await look('--names', names, ...other), 'dynamic')
  t.equal(await look('--names', names, '--names', join(directory, 'own'), ...other), 'ordinary')
})

t.test('--explain names the entry of the allow list', async (t) => {
  const [command = '', ...args] = runtimes[0]!.smtpDelay
  const list = join(t.testdir({ list: '192.0.2.0/24\n' }), 'list')
  const { stdout } = await run(command, [...args, '--allow', list, '--explain', '192.0.2.9'])
  t.equal(stdout, '192.0.2.9: no delay, allowed by 192.0.2.0/24\n')
})
