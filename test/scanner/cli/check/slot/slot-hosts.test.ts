import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import {
  type SlotOptions,
  slotHosts,
} from '../../../../../src/scanner/cli/check/slot/slot-hosts.ts'
import {
  type RunningService,
  readService,
} from '../../../../../src/scanner/cli/host/running-services.ts'
import { about } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { ucspiMissing } from '../../../../programs/servers/ucspi.ts'
import { accounts } from '../../../readiness/host.ts'
import { jsonIn, onescan, slotProgram } from '../../onescan.ts'
import { startService, tcpserver } from '../service.ts'

/** Rules of tcpserver -x. */

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
  /** Starts tcpserver by these rules, and runs check on it. */
  const check = async (...more: string[]) => {
    const words = ['check', '--pid']
    const pid = await startService(t, tcpserver('-vRx', 'tcp.cdb'), {
      cwd: home,
      env: { QMAILHOME: home },
    })
    return onescan([...words, pid, ...more])
  }
  return { home, cdb, check }
}

const withoutRules: RunningService = {
  ...{
    pid: '1',
    program: 'qmail-smtpd',
    text: 'tcpserver',
    env: {},
    uid: 0,
    groups: [],
    limits: {},
    rules: undefined,
  },
  ...{ directory: '/', unknownSteps: [], since: 0 },
}

const noOptions: SlotOptions = {
  pid: undefined,
  user: 'root',
  env: [],
  envdir: undefined,
}

/** The classes of clients by these rules: their addresses, and how many variables each is given. */
const classesIn = (rules: string) =>
  slotHosts({ ...withoutRules, rules }, noOptions, {}, accounts, 0).map(
    ({ clients, env }) => [clients, Object.keys(env).length] as const,
  )

t.test('every class of rules is read from the cdb', { skip }, async (t) => {
  t.same(classesIn(rulesOf(t, RULES).cdb), [
    ['all other clients', 2],
    ['127.0.0.1', 1],
    ['10. 10.9.', 3],
    ['192.0.2.', 3],
  ])
})

t.test(
  'clients that fit no rule have no variables, unless denied',
  {
    skip,
  },
  async (t) => {
    const classes = (text: string) => classesIn(rulesOf(t, text).cdb)
    t.same(classes('10.:allow,A="1"\n')[0], ['all other clients', 0])
    t.same(classes('10.:allow,A="1"\n:deny\n'), [['10.', 1]])
  },
)

t.test('rules that the account of a service may not read are opened to it', { skip }, async (t) => {
  const { home, cdb, check } = rulesOf(t, RULES)
  chmodSync(cdb, 0o600)
  const { out } = await check()
  t.match(out, /tcp\.cdb: permission denied: .*\n +fix: chmod a\+r \S+tcp\.cdb$/m)
  t.notMatch(out, /run tcprules/)
  chmodSync(home, 0o700)
  t.match((await check()).out, /\bchmod a\+x \S+/)
})

t.test('a file that is not a cdb, or is cut off, is not read past its end', { skip }, async (t) => {
  const { home, cdb } = rulesOf(t, RULES)
  const whole = readFileSync(cdb)
  const cut = join(home, 'cut.cdb')
  writeFileSync(cut, 'no cdb')
  t.throws(() => classesIn(cut), /is not a cdb/)
  for (let length = 0; length < 2400; length += 7) {
    writeFileSync(cut, whole.subarray(0, length))
    try {
      classesIn(cut)
    } catch (error) {
      t.match(error, { message: /is not a cdb/ })
    }
  }
})

t.test(
  'check looks at each class, and reports once what holds for all',
  {
    skip,
  },
  async (t) => {
    const host = rulesOf(t, RULES)
    const checkLines: readonly CheckLine[] = jsonIn((await host.check('--json')).out).results
    const whats = (value: RegExp) =>
      checkLines.filter((checkLine) => value.test(checkLine.value)).map(({ what }) => what)
    t.same(whats(/may relay: their mail is accepted unscanned/), ['QHPSI [127.0.0.1]'])
    t.match(about(checkLines, /^QHPSI \[127\.0\.0\.1\]$/), {
      level: 'warning',
      remedy: /^unless this is intended, add ,/,
    })
    t.same(whats(/SCANFAIL=accept/), ['unscanned mail [192.0.2.]'])
    t.same(whats(/^finds EICAR/), ['scanner eicar [all other clients]'])
  },
)

t.test('mail of clients whose rule names no QMAILQUEUE is not scanned', { skip }, async (t) => {
  const { check } = rulesOf(t, '10.:allow,QHPSI="plugin: eicar"\n:deny\n')
  const { out } = await check()
  t.match(out, /^error +qmail-queue program: QMAILQUEUE is not set for these clients/m)
  t.match(out, /^ +fix: unless REJECTVIRUS="0" in its rule should tag such mail, add ,/m)
  t.match(
    out,
    /^warning +\S+: denies all clients that no other rule names: .*\n +fix: if they should, write :allow /m,
  )
})

t.test('rules count before the environment of tcpserver', { skip }, async (t) => {
  const { home } = rulesOf(t, ':allow,SCANTIMEOUT="10",QHPSI="plugin: eicar"\n')
  mkdirSync(join(home, 'env'))
  writeFileSync(join(home, 'env/SCANTIMEOUT'), '20\n')
  const words = ['envdir', './env', ...tcpserver('-x', 'tcp.cdb')]
  const service = await readService(await startService(t, words, { cwd: home }))
  t.equal(service.env.SCANTIMEOUT, '20')
  const [host] = slotHosts(service, noOptions, {}, accounts, 0)
  t.equal(host?.env.SCANTIMEOUT, '10')
})

t.test(
  "the account is that of tcpserver's -u and -g",
  { skip: skip || lacks('root') },
  async (t) => {
    for (const words of [
      tcpserver('-u', '54321', '-g', '54322'),
      tcpserver('-u54321', '-g54322'),
    ]) {
      const service = await readService(await startService(t, words))
      t.match(service, { uid: 54_321, groups: [54_322] })
    }
  },
)

t.test('missing rules are reported: tcpserver accepts no client', { skip }, async (t) => {
  const pid = await startService(t, tcpserver('-x', 'missing.cdb'))
  t.match(await onescan(['check', '--pid', pid]), {
    code: 2,
    out: /^error +process \d+: -x \S*missing\.cdb: .*no such file or directory.*accepts no mail$/m,
  })
})
