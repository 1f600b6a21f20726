import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../src/base/check/check-line.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { ucspiMissing } from '../../../programs/servers/ucspi.ts'
import { jsonIn, oldestNode, onescan, slotProgram } from '../onescan.ts'
import { startService, tcpserver } from './service.ts'

function qmailHome(t: Test): string {
  const home = t.testdir({ bin: {}, control: {}, env: {} })
  writeFileSync(join(home, 'bin/qmail-queue'), '#!/bin/sh\nexit 81\n')
  chmodSync(join(home, 'bin/qmail-queue'), 0o755)
  return home
}

t.test('check prints each finding and their number, and ends by the worst', async (t) => {
  const QMAILHOME = qmailHome(t)
  const env = { QMAILHOME, QHPSI: 'plugin: eicar' }
  const { code, out } = await onescan(['check'], { env })
  const lines = out.trim().split('\n').slice(1, -1)
  for (const line of lines) t.match(line, /^((ok|warning|error) +[^:]+| {9}fix): ./)
  t.match(out, /^ok +scanner eicar: finds EICAR/m)
  t.match(out, /^ok +qmail, clean message: scanned and passed on/m)
  t.match(out, /^ok +qmail, EICAR: is found/m)
  t.notMatch(out, /^error/m)
  t.equal(code, /^warning/m.test(out) ? 1 : 0)
  const names = [...out.matchAll(/^warning +([^:]+):/gm)].map(([, name = '']) =>
    name.replace(/ \[.*/, ''),
  )
  t.ok(names.includes('infected mail'))
  const accepted = await onescan(['check', ...names.map((name) => `--accept=${name}`)], { env })
  t.match(accepted, { code: 0, out: /^ok +infected mail: .* \(accepted\)$/m })
  t.match(accepted.out, /^no problems found$/m)
  const off = await onescan(['check', '--env', 'QHPSI='], { env })
  t.match(off, { code: 2, out: /^error +QHPSI: is not set here/m })
  t.match(off.out, /^1 error(, \d+ warnings?)?$/m)
})

t.test('the oldest Node runs check', async (t) => {
  const env = { QMAILHOME: qmailHome(t), QHPSI: 'plugin: eicar' }
  const { out } = await onescan(['check'], { env, runtime: oldestNode })
  t.match(out, /^ok +qmail, EICAR: is found/m)
})

t.test('a service shows environment, account and limits', { skip: ucspiMissing }, async (t) => {
  const home = qmailHome(t)
  writeFileSync(join(home, 'env/QHPSI'), 'plugin: eicar\n')
  const words = ['envdir', join(home, 'env'), 'softlimit', '-m', '3000000', ...tcpserver()]
  const env = { QMAILHOME: home, QMAILQUEUE: slotProgram }
  const pid = await startService(t, words, { env })
  const { code, out } = await onescan(['check', '--pid', pid, '--json'])
  t.equal(code, 2)
  const checkLines = jsonIn<CheckLine>(out).results
  const of = (what: string) => checkLines.find((checkLine) => checkLine.what === what)
  t.match(of('QHPSI'), {
    level: 'warning',
    value: /^plugin: eicar finds only the EICAR test file/,
  })
  t.match(of('next program'), { level: 'ok', value: join(home, 'bin/qmail-queue') })
  t.match(of('qmail, clean message'), {
    level: 'error',
    value: /^(crashes|exits) .* with a limit of 3000000 bytes of memory: mail is deferred$/,
  })
})

t.test(
  'a finding about two classes of clients is printed once',
  { skip: ucspiMissing },
  async (t) => {
    const home = qmailHome(t)
    const settings = `QMAILQUEUE="${slotProgram}",QHPSI="plugin: eicar"`
    const input = `10.:allow,${settings},REJECTVIRUS="1"\n:allow,${settings}\n`
    execFileSync('tcprules', [join(home, 'cdb'), join(home, 'tmp')], { input })
    const words = tcpserver('-x', join(home, 'cdb'))
    const pid = await startService(t, words, { env: { QMAILHOME: home } })
    const { out } = await onescan(['check', '--pid', pid, '--json'])
    const subjects = jsonIn<CheckLine>(out).results.map(({ what }) => what)
    t.same(
      subjects.filter((what) => what.endsWith(' [10.]')),
      ['infected mail [10.]'],
    )
    t.ok(subjects.includes('qmail, clean message [all other clients]'), subjects.join())
  },
)

t.test('with a real clamd', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const env = {
    QMAILHOME: qmailHome(t),
    QHPSI: 'plugin: clamd',
    CLAMD: clamd.socket,
    CLAMDMAXSIZE: '1M',
  }
  const { out } = await onescan(['check'], { env })
  t.match(out, /^warning +clamd .*: answers, ClamAV.*without a date/m)
  t.match(out, /^ok +scanner clamd: finds EICAR/m)
  t.match(out, /^ok +qmail, EICAR: is found/m)
  t.notMatch(out, /^error/m)
})

t.test('a missing process or account ends with exit code 2', async (t) => {
  const pid = String(process.pid)
  t.match(await onescan(['check', '--pid', pid]), {
    code: 2,
    out: '',
    err: /does not start qmail-smtpd/,
  })
  const { code, out } = await onescan([
    'check',
    '--user',
    'no:such',
    '--env',
    'QHPSI=plugin: eicar',
    '--env',
    'QMAILHOME=/nonexistent',
  ])
  t.equal(code, 2)
  t.match(
    out,
    /^warning +test messages: run as \S.*, not as no:such\n +fix: run onescan check as root$/m,
  )
})
