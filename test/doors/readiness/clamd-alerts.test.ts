import t from 'tap'
import { checkClamd } from '../../../src/doors/readiness/clamd.ts'
import { archiveSignatures } from '../../../src/scan/scanners/attachments/archive-bans.ts'
import { type ClamdOptions, clamdMissing, startClamd } from '../../programs/clamd.ts'
import { host } from './host.ts'

/** A setting that clamd does not serve is an error, and never a silence. */

t.test('what settings ask clamd for is tried with it', { skip: clamdMissing }, async (t) => {
  const found = async (options: ClamdOptions, settings: Record<string, string>) => {
    const clamd = await startClamd(t, { alertExceedsMax: true, ...options })
    const QHPSI = 'plugin: clamd'
    const asked = host({ QHPSI, CLAMD: clamd.socket, CLAMDMAXSIZE: '500K', ...settings })
    const findings = await checkClamd(asked)
    const about = findings.filter(({ what }) => /(ENCRYPTED|MACROS|ARCHIVEBANS)$/.test(what))
    return about.map(({ level, what, remedy }) => `${level} ${what.split(' ')[2]} ${remedy ?? ''}`)
  }
  const all = {
    ENCRYPTED: 'refuse',
    MACROS: 'quarantine',
    QUARANTINE: '/nonexistent',
    ARCHIVEBANS: 'on',
    BADATTACHMENTS: '*.exe',
  }
  t.match(await found({}, all), [
    /^error ENCRYPTED set "AlertEncrypted yes"/,
    /^error MACROS set "AlertOLE2Macros yes"/,
    /^error ARCHIVEBANS give it the list/,
  ])
  const list = (...names: readonly string[]) => ({
    'onescan-bans.cdb': Buffer.from(archiveSignatures(names), 'latin1'),
  })
  const served = { alertEncrypted: true, alertOLE2Macros: true, database: list('*.exe') }
  const ok = ['ok ENCRYPTED ', 'ok MACROS ', 'ok ARCHIVEBANS ']
  t.same(
    (await found(served, all)).map((line) => line.trimEnd()),
    ok.map((line) => line.trimEnd()),
  )
  const other = { ...served, database: list('*.exe', '*.scr') }
  t.match(await found(other, all), [/^ok/, /^ok/, /^error ARCHIVEBANS/], 'another list')
  t.same(await found({}, { ENCRYPTED: 'accept' }), [], 'nothing is asked that no setting needs')
})
