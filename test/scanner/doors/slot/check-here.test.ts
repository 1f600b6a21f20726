import { spawnSync } from 'node:child_process'
import { openSync } from 'node:fs'
import t from 'tap'
import { searchPath, slotProgram } from '../../cli/onescan.ts'

/** `onescan-queue --check` tries whether mail would be scanned, and reads none. */

const env = { PATH: searchPath, QMAILHOME: '/nonexistent', QHPSI: 'plugin: eicar' }
const check = (settings: Record<string, string> = {}, stdout: 'pipe' | number = 'pipe') =>
  spawnSync(slotProgram, ['--check'], {
    env: { ...env, ...settings },
    stdio: ['ignore', stdout, 'pipe'],
    encoding: 'utf8',
  })

t.test('it prints its findings, and ends with 111 if there is an error', async (t) => {
  t.match(check(), { status: 0, stdout: /^ok: scanner eicar: finds EICAR: /m })
  const wrong = {
    status: 111,
    stdout:
      /^error: settings: SCANTIMEOUT="x": must be .*; correct this setting in the environment of qmail-smtpd \(its run script, envdir or rules\)$/m,
  }
  t.match(check({ SCANTIMEOUT: 'x' }), wrong)
})

t.test('it never ends with success if descriptor 1 is an envelope', async (t) => {
  t.not(check({}, openSync('/dev/null', 'r')).status, 0)
})
