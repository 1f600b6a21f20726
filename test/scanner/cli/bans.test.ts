import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { checkClamd } from '../../../src/scanner/readiness/clamd/check-clamd.ts'
import { archiveSignatures } from '../../../src/scanner/scan/scanners/attachments/archive-bans.ts'
import { listFingerprint } from '../../../src/scanner/scan/scanners/attachments/ban-names.ts'
import { about } from '../../check-lines.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { type Clamd, clamdAnswer, clamdMissing, startClamd } from '../../programs/servers/clamd.ts'
import { newest } from '../daemon/process.ts'
import { host } from '../readiness/host.ts'
import { archiveOf, packerMissing } from '../scan/scanners/attachments/archives.ts'
import { onescan } from './onescan.ts'

/** `onescan bans` prints the names that are banned as signatures for ClamAV, or installs them. */

const bans = (t: Test, rules: string) =>
  onescan(['bans', '--env', `BADATTACHMENTS=${join(t.testdir({ rules }), 'rules')}`], {
    root: true,
  })

t.test('names are printed, and rules about types and content left out', async (t) => {
  const { code, bytes } = await bans(
    t,
    'name *.exe\nname r\u00e9sum\u00e9.*\ntype audio/*\ncontent executable\n',
  )
  t.equal(code, 0)
  const names = bytes.toString('latin1').match(/^Banned\.[^:]*/gm)
  const list = `Banned.List.${listFingerprint(['*.exe', 'r\u00e9sum\u00e9.*'])}`
  const long = Array(3).fill('Banned.LongName') // of zip and of two kinds of tar
  t.same(names, [list, ...long, 'Banned.%2A.exe', 'Banned.r%C3%A9sum%C3%A9.%2A'])
})

t.test('without a name there is nothing to print', async (t) => {
  const { code, out, err } = await bans(t, 'content executable\n')
  t.equal(code, 2)
  t.equal(out, '')
  t.match(err, /BADATTACHMENTS: contains no rule about a name; add one/)
})

const isRoot = process.getuid!() === 0

const installMissing = clamdMissing || packerMissing || (!isRoot && 'needs root')

/** The command with this clamd, its clamdscan, and the programs that a test makes. */
function installFor(t: Test, clamd: Pick<Clamd, 'configFile'>, directory: string) {
  const programs = t.testdir()
  const program = (name: string, text: string) => {
    writeFileSync(join(programs, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(programs, name), 0o755)
  }
  program('clamdscan', `exec /usr/bin/clamdscan --config-file='${clamd.configFile}' "$@"`)
  const run = (BADATTACHMENTS: string, PATH = `${programs}:${process.env.PATH}`) => {
    const settings = { BADATTACHMENTS, CLAMDBDIR: directory }
    const words = Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`])
    return onescan(['bans', '--install', ...words], { root: true, env: { PATH } })
  }
  return { program, run, programs }
}

t.test('--install gives clamd the names', { skip: installMissing }, async (t) => {
  const clamd = await startClamd(t)
  const directory = join(clamd.directory, 'db')
  const { run, programs } = installFor(t, clamd, directory)
  const archive = archiveOf('zip', 'a.exe', join(programs, 'archives'))
  t.match(await clamdAnswer(clamd.socket, archive), { answer: 'clean' })
  t.match(await run('*.exe *.\u00e9t\u00e9'), {
    code: 0,
    err: '',
    out: `${directory}/onescan-bans.cdb: clamd loads 2 names\nnext: set ARCHIVEBANS="on" for each interface\n`,
  })
  await reloaded(clamd)
  const found = { answer: 'infected', name: 'attachment *.exe in an archive', isBanned: true }
  t.match(await clamdAnswer(clamd.socket, archive), found)
})

/** clamd loads signatures beside its work, reports that, and then that it uses them from now on. */
async function reloaded({ log }: Clamd): Promise<void> {
  while (!log.some((line) => /Activating the newly loaded database/.test(line))) await wait(20)
}

t.test(
  'signatures that ClamAV rejects are never installed',
  { skip: installMissing },
  async (t) => {
    const clamd = await startClamd(t)
    const directory = join(clamd.directory, 'db')
    const { run, program } = installFor(t, clamd, directory)
    t.match(await run('*.exe'), { code: 0 })
    const list = join(directory, 'onescan-bans.cdb')
    const before = readFileSync(list)

    t.match(await run('/nonexistent'), { code: 2, err: /\/nonexistent/ })
    const bad = {
      'an expression that does not compile': 'Banned.X:*:*:(:*:*:*:*:*:*',
      'a line with too few fields': 'Banned.X:*:*:a',
      nothing: '',
    }
    for (const [what, signature] of Object.entries(bad)) {
      // As if these had been the signatures.
      const bad = join(t.testdir(), 'x.cdb')
      writeFileSync(bad, signature)
      program('clamscan', `exec /usr/bin/clamscan --quiet --database=${bad} /etc/hostname`)
      const refused =
        /rejects the names; shorten or remove those that you added last; nothing was changed\n$/
      t.match(await run('*.scr'), { code: 2, err: refused }, what)
      t.same(readFileSync(list), before, what)
      // clamd itself would not start with it.
      await t.rejects(startClamd(t, { database: { 'onescan-bans.cdb': signature } }), what)
    }
    t.same(readdirSync(directory).sort(), ['onescan-bans.cdb', 'x.ndb'])
  },
)

t.test(
  'a program that is missing is named with its package',
  { skip: installMissing },
  async (t) => {
    const directory = openDirectory(t)
    const { run, program, programs } = installFor(t, { configFile: '' }, directory)
    symlinkSync('/bin/sh', join(programs, 'sh'))
    const missing = (name: string) => new RegExp(`^.*${name}.*; nothing was changed\n$`)
    t.match(await run('*.exe', programs), { code: 2, err: missing('clamscan is missing: install the package clamav') }) // biome-ignore format: a line
    program('clamscan', ':')
    rmSync(join(programs, 'clamdscan'))
    t.match(await run('*.exe', programs), { code: 2, err: missing('clamdscan is missing: install the package clamdscan') }) // biome-ignore format: a line
    t.same(readdirSync(directory), [])
  },
)

t.test('a clamd that does not reload is reported', { skip: installMissing }, async (t) => {
  const clamd = await startClamd(t)
  const directory = join(clamd.directory, 'db')
  const { run, program } = installFor(t, clamd, directory)
  const untold = {
    code: 2,
    err: /clamd does not confirm that it has loaded them; restart clamd\n$/,
  }
  const hasList = async (BADATTACHMENTS: string) => {
    const asked = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, ARCHIVEBANS: 'on', BADATTACHMENTS }
    const checkLines = await checkClamd(host(asked))
    return about(checkLines, /ARCHIVEBANS$/)?.level
  }
  t.match(await run('*.exe'), { code: 0 })
  await reloaded(clamd)
  t.equal(await hasList('*.exe'), 'ok')

  program('clamdscan', `exec /usr/bin/clamdscan --config-file=/nonexistent "$@"`)
  t.match(await run('*.scr'), untold, 'clamd cannot be asked')
  t.equal(await hasList('*.scr'), 'error', 'it has the names of before')
  t.equal(await hasList('*.exe'), 'ok')

  // A file of another user's that it cannot read: it answers RELOADING, and keeps what it has.
  writeFileSync(join(directory, 'broken.cdb'), 'nonsense\n')
  program('clamdscan', `exec /usr/bin/clamdscan --config-file='${clamd.configFile}' "$@"`)
  t.match(await run('*.scr'), { code: 0 })
  while (!clamd.log.some((line) => /reload.*failed/i.test(line))) await wait(20)
  t.equal(await hasList('*.scr'), 'error')
})

t.test('the list of one host is not that of another', { skip: clamdMissing }, async (t) => {
  const rules = { a: ['*.exe', '*.scr'], b: ['*.exe'] }
  const start = (names: readonly string[]) => {
    const list = Buffer.from(archiveSignatures(names), 'latin1')
    return startClamd(t, { tcp: true, database: { 'onescan-bans.cdb': list } })
  }
  const [a, b] = await Promise.all([start(rules.a), start(rules.b)])
  const levels = async (CLAMD: string, names: readonly string[]) => {
    const asked = { QHPSI: 'plugin: clamd', CLAMD, ARCHIVEBANS: 'on' }
    const checkLines = await checkClamd(host({ ...asked, BADATTACHMENTS: names.join(' ') }))
    return checkLines.filter(({ what }) => what.endsWith('ARCHIVEBANS')).map(({ level }) => level)
  }
  t.same(await levels(`${a.tcp} ${b.tcp}`, rules.a), ['ok', 'error'], 'each clamd is asked')
  t.same(await levels(`${a.tcp} ${b.tcp}`, rules.b), ['error', 'ok'])
  t.same(await levels(a.tcp, ['*.SCR', '*.exe']), ['ok'], 'written in another way')

  const QMAILHOME = t.testdir({ bin: { 'qmail-queue': '#!/bin/sh\nexit 81\n' }, control: {} })
  chmodSync(join(QMAILHOME, 'bin/qmail-queue'), 0o755)
  const env = { QHPSI: 'plugin: clamd', CLAMD: a.tcp, ARCHIVEBANS: 'on', BADATTACHMENTS: '*.exe' }
  const warning = /clamd \S+ ARCHIVEBANS: clamd does not have the list of BADATTACHMENTS/
  const check = await onescan(['check'], { env: { QMAILHOME, ...env } })
  t.match(check, { code: 2, out: new RegExp(`^error +${warning.source}`, 'm') })
  const [program = '', ...words] = [...newest, '--socket', 'none', '--check']
  const { stdout } = spawnSync(program, words, { env, encoding: 'utf8' })
  t.match(stdout, new RegExp(`^error: ${warning.source}`, 'm'))
})
