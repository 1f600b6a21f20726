import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { buildHosts, type SlotOptions } from '../../../../src/cli/check/shared/build-hosts.ts'
import type { Finding } from '../../../../src/cli/check/shared/finding.ts'
import { classOf, readRules } from '../../../../src/cli/check/shared/tcp-rules.ts'
import { openDirectory } from '../../../programs/reachable.ts'
import { ucspiMissing } from '../../../programs/ucspi.ts'
import { jsonIn, onescan, slotProgram } from '../../onescan.ts'
import { accounts } from './host.ts'

/** Rules of tcpserver -x, as a run script names them. */

const asSelf = process.getuid!() === 0 ? ['--user', 'root'] : []
const skip = ucspiMissing

const RULES = `# of a small host
127.0.0.1:allow,RELAYCLIENT=""
10.:allow,RELAYCLIENT="",QMAILQUEUE="${slotProgram}",QHPSI="plugin: eicar"
10.9.:allow,RELAYCLIENT="",QMAILQUEUE="${slotProgram}",QHPSI="plugin: eicar"
192.0.2.7:deny
192.0.2.:allow,QMAILQUEUE="${slotProgram}",QHPSI="plugin: eicar",SCANFAIL="accept"
:allow,QMAILQUEUE="${slotProgram}",QHPSI="plugin: eicar"
`

function rulesOf(t: Test, text: string) {
  const home = openDirectory(t)
  const cdb = join(home, 'tcp.cdb')
  execFileSync('tcprules', [cdb, join(home, 'tmp')], { input: text })
  const run = (line: string) => {
    writeFileSync(join(home, 'run'), `#!/bin/sh\nexport QMAILHOME=${home}\nexec ${line}\n`)
    return join(home, 'run')
  }
  return { home, cdb, run }
}

t.test('every class of rules is read from the cdb', { skip }, async (t) => {
  const classes = readRules(readFileSync(rulesOf(t, RULES).cdb))
  t.same(
    classes.map(({ addresses, variables }) => [addresses, Object.keys(variables).length]),
    [
      [[''], 2],
      [['127.0.0.1'], 1],
      [['10.', '10.9.'], 3],
      [['192.0.2.'], 3],
    ],
  )
  const address = (ip: string) => classOf(classes, ip)?.addresses[0]
  t.equal(address('127.0.0.1'), '127.0.0.1')
  t.equal(address('10.9.1.1'), '10.')
  t.equal(address('192.0.2.1'), '192.0.2.')
  t.equal(address('198.51.100.1'), '')
})

t.test(
  'clients that fit no rule are accepted without variables, unless all others are denied',
  {
    skip,
  },
  async (t) => {
    const classes = (text: string) => readRules(readFileSync(rulesOf(t, text).cdb))
    t.same(classes('10.:allow,A="1"\n')[0], { addresses: [''], variables: {} })
    t.same(classes('10.:allow,A="1"\n:deny\n'), [{ addresses: ['10.'], variables: { A: '1' } }])
  },
)

t.test('a file that is no cdb, or is cut off, is not read past its end', { skip }, async (t) => {
  const cdb = readFileSync(rulesOf(t, RULES).cdb)
  t.throws(() => readRules(Buffer.from('no cdb')), /is no cdb/)
  for (let length = 0; length < 2400; length += 7) {
    try {
      readRules(cdb.subarray(0, length))
    } catch (error) {
      t.match(error, { message: /is no cdb/ })
    }
  }
})

t.test(
  'check looks at each class, and reports once what holds for all',
  {
    skip,
  },
  async (t) => {
    const { run } = rulesOf(t, RULES)
    const script = run('tcpserver -vRx tcp.cdb 0 smtp qmail-smtpd')
    const check = async (...more: string[]): Promise<readonly Finding[]> =>
      jsonIn((await onescan(['check', ...asSelf, '--run', script, '--json', ...more])).out).results
    const findings = await check()
    const whats = (value: RegExp) =>
      findings.filter((finding) => value.test(finding.value)).map(({ what }) => what)
    t.same(whats(/may relay: their mail passes unscanned/), ['QHPSI [127.0.0.1]'])
    t.same(whats(/SCANFAIL=accept/), ['unscanned mail [192.0.2.]'])
    t.same(whats(/^finds EICAR/), ['scanner eicar [everybody else]'])
    const ofClient = await check('--client', '192.0.2.5')
    t.equal(ofClient.find(({ level }) => level === 'warning')?.what, 'unscanned mail')
  },
)

t.test('mail of clients whose rule names no QMAILQUEUE is not scanned', { skip }, async (t) => {
  const { run } = rulesOf(t, '10.:allow,QHPSI="plugin: eicar"\n:deny\n')
  const script = run('tcpserver -x tcp.cdb 0 smtp qmail-smtpd')
  const { out } = await onescan(['check', ...asSelf, '--run', script])
  t.match(out, /^error +slot: QMAILQUEUE is not set for these clients/m)
})

t.test('envdir counts before or after the rules as the script has it', { skip }, async (t) => {
  const { home, run } = rulesOf(t, ':allow,SCANTIMEOUT="10",QHPSI="plugin: eicar"\n')
  mkdirSync(join(home, 'env'))
  writeFileSync(join(home, 'env/SCANTIMEOUT'), '20\n')
  const options: SlotOptions = {
    run: '',
    user: 'root',
    program: undefined,
    env: [],
    envdir: undefined,
  }
  const timeout = (line: string) =>
    buildHosts({ ...options, run: run(line), program: slotProgram }, {}, accounts, 0)[0]?.env
      .SCANTIMEOUT
  t.equal(timeout('envdir ./env tcpserver -x tcp.cdb 0 25 qmail-smtpd'), '10')
  t.equal(timeout('tcpserver -x tcp.cdb 0 25 envdir ./env qmail-smtpd'), '20')
})

t.test("chpst's groups and tcpserver's numbers become the account's", async (t) => {
  const run = join(openDirectory(t), 'run')
  const account = (line: string) => {
    writeFileSync(run, `#!/bin/sh\nexec ${line}\n`)
    const options = { run, user: undefined, program: slotProgram, env: [], envdir: undefined }
    return buildHosts(options, {}, accounts, 0)[0]?.account
  }
  t.same(account('chpst -u stranger:scanners:strangers qmail-smtpd'), {
    name: 'stranger',
    uid: 54_321,
    groups: [54_323, 54_322],
  })
  const ids = 'tcpserver -u "$(id -u stranger)" -g "$(id -g stranger)" 0 smtp qmail-smtpd'
  t.same(account(ids), { name: 'stranger', uid: 54_321, groups: [54_322] })
  t.throws(() => account('chpst -u stranger:nobodys x'), /group nobodys: no such group/)
})

t.test('missing rules are reported, since tcpserver then accepts no client', async (t) => {
  const run = join(openDirectory(t), 'run')
  writeFileSync(run, '#!/bin/sh\nexec tcpserver -x missing.cdb 0 smtp qmail-smtpd\n')
  t.match(await onescan(['check', '--run', run]), { code: 2, err: /-x missing\.cdb: .*ENOENT/ })
})
