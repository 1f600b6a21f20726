import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { readControlDirectories } from '../../../../src/base/settings/control-directories.ts'
import { switchedOff } from '../../../../src/base/settings/off-switch.ts'
import {
  type JudgeConfig,
  NOTHING_SCANS,
  readJudgeConfig,
  readScanningConfig,
  withSettings,
} from '../../../../src/scanner/scan/judge/context/judge-config.ts'

/** The configuration: all settings as one value. */

const QHPSI = 'plugin: clamd'

const ofInfected = ({ settings: { REJECTVIRUS, VIRUSFORWARD } }: JudgeConfig) => [
  REJECTVIRUS,
  VIRUSFORWARD,
]

t.test('control files lie in control/ of QMAILHOME, or in CONTROLDIR', async (t) => {
  t.same(readControlDirectories({}), { qmailHome: '/var/qmail', control: '/var/qmail/control' })
  t.match(readControlDirectories({ QMAILHOME: '/q' }), { qmailHome: '/q', control: '/q/control' })
  t.match(readControlDirectories({ QMAILHOME: '/q', CONTROLDIR: 'c' }), { control: '/q/c' })
  t.match(readControlDirectories({ QMAILHOME: '/q', CONTROLDIR: '/c' }), {
    qmailHome: '/q',
    control: '/c',
  })
})

t.test('nothing is scanned without QHPSI, or if onescan.off exists', async (t) => {
  const control = t.testdir({})
  const env = { CONTROLDIR: control, QHPSI }
  t.equal(switchedOff(readControlDirectories(env)), undefined)
  t.match(readJudgeConfig(env), { settings: { QHPSI: { kind: 'plugins' } }, quota: undefined })
  t.match(readJudgeConfig({ CONTROLDIR: control }), { off: NOTHING_SCANS, quota: undefined })
  const asked = { CONTROLDIR: control, QUOTAD: 'udp:127.0.0.1:1' }
  t.match(
    readJudgeConfig(asked),
    { off: NOTHING_SCANS, quota: {} },
    'quotas are asked about all the same',
  )
  writeFileSync(join(control, 'onescan.off'), '')
  const off = `${control}/onescan.off exists`
  t.equal(switchedOff(readControlDirectories(env)), off)
  t.same(readJudgeConfig(env), { off })
  t.ok(readScanningConfig(env), 'readScanningConfig() does not look for the switch')
})

t.test('a configuration remarks what it cannot use, and cannot be changed', async (t) => {
  const shared = t.testdir({})
  chmodSync(shared, 0o777)
  const config = readScanningConfig({ QHPSI, SPOOLDIR: shared })!
  t.match(config.remarks, [`SPOOLDIR ${shared}: not used, mode 0777`])
  t.same(readScanningConfig({ QHPSI })!.remarks, [])
  t.throws(() => Object.assign(config, { remarks: ['x'] }))
})

t.test('FINDINGS of a line come before those of the environment', async (t) => {
  const env = { QHPSI, FINDINGS: 'macros=refuse PUA.*=tag' }
  const base = readScanningConfig(env)!
  const { FINDINGS } = withSettings(base, env, { FINDINGS: 'macros=accept' }).settings
  t.same(FINDINGS, [{ finding: 'macros', action: 'accept' }, ...base.settings.FINDINGS])
  t.same(withSettings(base, env, { FINDINGS: '' }).settings.FINDINGS, [], 'an empty one unsets it')
  const open = { QHPSI, FINDINGS: "'b=tag' 'c=tag" }
  const wrong = /FINDINGS 'a: a ' is not closed/
  t.throws(() => withSettings(base, { ...env, ...open }, { FINDINGS: "'a" }), { message: wrong })
})

t.test('a line of onescan.policy changes the settings that it names, and no others', async (t) => {
  const env = { QHPSI, REJECTVIRUS: '1', SCANTIMEOUT: '7', SCANFAIL: 'accept' }
  const base = readScanningConfig(env)!
  const changed = withSettings(base, env, { SCANFAIL: 'defer' })
  t.same(ofInfected(changed), ofInfected(base))
  t.equal(base.settings.SCANFAIL, 'accept')
  t.equal(changed.settings.SCANFAIL, 'defer')
  t.equal(changed.settings.timeout, 7000)
  for (const settings of [{ REJECTVIRUS: '2' }, { VIRUSFORWARD: 'v@x', REJECTVIRUS: '' }]) {
    const other = withSettings(base, env, settings)
    t.notSame(ofInfected(other), ofInfected(base), JSON.stringify(settings))
  }
  t.match(withSettings(base, env, { REJECTVIRUS: '', VIRUSFORWARD: 'v@example.org' }).settings, {
    VIRUSFORWARD: 'v@example.org',
  })
  for (const QHPSI of ['', 'none']) {
    t.throws(() => withSettings(base, env, { QHPSI }), {
      message: /QHPSI: names no scanner; use scan off/,
    })
  }
})
