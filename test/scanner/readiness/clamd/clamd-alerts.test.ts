import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkClamd } from '../../../../src/scanner/readiness/clamd/check-clamd.ts'
import { rarOf } from '../../../../src/scanner/readiness/test-mail/test-files.ts'
import { archiveSignatures } from '../../../../src/scanner/scan/scanners/attachments/archive-bans.ts'
import { type ClamdOptions, clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { packerMissing } from '../../scan/scanners/attachments/archives.ts'
import { host } from '../host.ts'

/** A setting that clamd does not serve is an error, and never a silence. */

t.test('alerts that settings need are tested with clamd', { skip: clamdMissing }, async (t) => {
  const found = async (options: ClamdOptions, settings: Record<string, string>) => {
    const clamd = await startClamd(t, { alertExceedsMax: true, ...options })
    const QHPSI = 'plugin: clamd'
    const asked = host({ QHPSI, CLAMD: clamd.socket, CLAMDMAXSIZE: '500K', ...settings })
    const checkLines = await checkClamd(asked)
    const about = checkLines.filter(({ what }) => / (FINDINGS \w+|ARCHIVEBANS)$/.test(what))
    return about.map(
      ({ level, what, remedy }) => `${level} ${what.split(' ').at(-1)} ${remedy ?? ''}`,
    )
  }
  const all = {
    FINDINGS:
      'encrypted=refuse macros=quarantine unwanted=tag structured=refuse broken=defer PUA.*=tag',
    QUARANTINE: '/nonexistent',
    ARCHIVEBANS: 'on',
    BADATTACHMENTS: '*.exe',
  }
  t.match(await found({}, all), [
    /^error encrypted set "AlertEncrypted yes"/,
    /^error macros set "AlertOLE2Macros yes"/,
    /^ok unwanted/,
    /^error structured set "StructuredDataDetection yes"/,
    /^error broken set "AlertBrokenExecutables yes"/,
    /^error ARCHIVEBANS run onescan bans --install;/,
  ])
  const list = (...names: readonly string[]) => ({
    'onescan-bans.cdb': Buffer.from(archiveSignatures(names), 'latin1'),
  })
  const alerts = { alertEncrypted: true, alertOLE2Macros: true, alertBrokenExecutables: true }
  const served = { ...alerts, structuredDataDetection: true, database: list('*.exe') }
  const names = ['encrypted', 'macros', 'unwanted', 'structured', 'broken', 'ARCHIVEBANS']
  const ok = names.map((name) => `ok ${name} `)
  t.same(
    (await found(served, all)).map((line) => line.trimEnd()),
    ok.map((line) => line.trimEnd()),
  )
  const other = { ...served, database: list('*.exe', '*.scr') }
  t.match(
    await found(other, all),
    [...ok.slice(1).map(() => /^ok/), /^error ARCHIVEBANS/],
    'another list',
  )
  t.same(
    await found({}, { FINDINGS: 'encrypted=accept *=tag' }),
    [],
    'nothing is asked that no setting needs',
  )
})

t.test(
  'a clamd that opens no RAR is reported, unless RAR is banned',
  { skip: clamdMissing || packerMissing },
  async (t) => {
    const rar = join(t.testdir(), 'a.rar')
    writeFileSync(rar, rarOf(Buffer.from('invoice.exe')))
    t.match(
      execFileSync('7z', ['t', rar], { encoding: 'utf8' }),
      /Type = Rar\n[\s\S]*Everything is Ok/,
    )
    const findingsFor = async (...names: readonly string[]) => {
      const database = { 'onescan-bans.cdb': Buffer.from(archiveSignatures(names), 'latin1') }
      const clamd = await startClamd(t, { database })
      const BADATTACHMENTS = names.join(' ')
      const settings = { CLAMD: clamd.socket, ARCHIVEBANS: 'on', BADATTACHMENTS }
      const checkLines = await checkClamd(host({ QHPSI: 'plugin: clamd', ...settings }))
      return checkLines.filter(({ what }) => what.endsWith('ARCHIVEBANS RAR'))
    }
    // With libclamunrar, which is not free, it is opened.
    const libraries = spawnSync('ldconfig', ['-p'], { encoding: 'utf8' }).stdout
    const isRarOpened = libraries.includes('libclamunrar_iface')
    const found = isRarOpened ? { level: 'ok' } : { level: 'warning', remedy: /ban \*\.rar$/ }
    t.match(await findingsFor('*.exe'), [found])
    t.same(await findingsFor('*.exe', '*.rar'), [])
  },
)
