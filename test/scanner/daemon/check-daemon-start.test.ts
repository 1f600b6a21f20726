import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../src/base/check/check-line.ts'
import { FaultCollector } from '../../../src/base/errors/aggregate-fault.ts'
import { readConfiguration } from '../../../src/scanner/configuration/configuration.ts'
import { checkStart } from '../../../src/scanner/daemon/check-daemon-start.ts'
import { readOptions } from '../../../src/scanner/options/daemon-options.ts'
import { badSettings } from '../../cases/bad-settings.ts'
import { isOfTests, linesOf, valuesOf } from '../../check-lines.ts'
import { lacks } from '../../needs.mjs'
import { freePort } from '../../programs/host/free-port.ts'
import { listen } from '../../programs/host/listen.ts'
import { openDirectory, reachable, reachablePath } from '../../programs/host/reachable.ts'
import { startNext } from '../doors/smtp/next-server.ts'
import { newest, runOnescand, startOnescand } from './process.ts'

/** What onescand --check reports, and that a start reports the same. */

const good = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' }
const none = ['--socket', 'none']

/** What --check finds with these words. */
async function checked(words: readonly string[], env: Record<string, string>) {
  const faults = new FaultCollector()
  const options = faults.attempt(() => readOptions(words), undefined)
  const checkLines: CheckLine[] = []
  for await (const checkLine of checkStart(options, faults.lines, env)) checkLines.push(checkLine)
  return { isUsage: options === undefined, checkLines }
}

/** What a start would find about options and settings, a line each. */
async function reportOf(words: readonly string[], env: Record<string, string>) {
  const all = ['--check-settings', ...words]
  const { isUsage, checkLines } = await checked(all, { TMPDIR: tmpdir(), ...env })
  const found = checkLines.filter((checkLine) => !isOfTests(checkLine))
  return {
    isUsage,
    errors: valuesOf(found, 'error'),
    warnings: valuesOf(found, 'warning'),
    last: checkLines.at(-1),
  }
}

/** The path of a socket, another one in each test. */
function checkHere(t: Test) {
  const directory = openDirectory(t)
  const socket = join(directory, 's')
  const check = (settings: Record<string, string>, ...words: string[]) =>
    reportOf(['--socket', socket, ...words], { CONTROLDIR: directory, ...settings })
  return { directory, socket, check }
}

t.test('--check beside an onescand that serves names the command that asks it', async (t) => {
  const { socket } = await startOnescand(t, { settings: good })
  const { checkLines } = await checked(['--check', '--socket', socket], { SCANTIMEOUT: 'soon' })
  t.match(checkLines, [
    {
      level: 'warning',
      value: `runs at ${socket}; the settings of this shell were not tested`,
      remedy: 'onescan check --daemon tests its own settings',
    },
  ])
  t.equal(checkLines.length, 1)
})

t.test(
  '--check prints what onescand would do and changes nothing, if there are no faults',
  async (t) => {
    const { socket, check } = checkHere(t)
    const report = await check(good)
    t.same(report.errors, [])
    t.same(report.warnings, [])
    const [what, value] = [`qmail unix:${socket}`, /^scans with eicar, /]
    t.match(report.last, { level: 'ok', what, value })
    t.notOk(existsSync(socket))
  },
)

t.test(
  '--check reports every wrong setting in the words in which a start reports the first',
  async (t) => {
    const ring = join(openDirectory(t), 'ring')
    writeFileSync(ring, 'md5:a:sesame\n', { mode: 0o600 })
    const mine = badSettings.filter(({ noDaemon }) => !noDaemon)
    t.ok(mine.length > 40)
    for (const { settings, reason, unscanned, ring: wantsRing } of mine) {
      const own = { ...(!unscanned && good), ...(wantsRing && { CLUSTERKEYS: ring }) }
      const env = { CONTROLDIR: '/nonexistent', ...own, ...settings }
      await t.rejects(
        readConfiguration(env, () => {}),
        { message: reason },
      )
      const { errors } = await reportOf(none, env)
      const plain = errors.map((line) => line.replaceAll('"', '\\"')) // as the log has it
      t.ok(
        plain.some((line) => reason.test(line)) || errors.some((line) => reason.test(line)),
        `${reason}`,
        { errors },
      )
    }
  },
)

t.test('--check reports all wrong settings and options at once', async (t) => {
  const { check } = checkHere(t)
  const settings = {
    QHPSI: 'clamd',
    SCANTIMEOUT: '-1',
    SECONDLOOK: 'od\r',
    VERDICTS: 'vlakey://x',
    CLUSTERKEYS: '/nonexistent/ring',
    REJECT_VIRUS: '1',
  }
  const report = await check(settings, '--workers', '-1', '--mitler', 'x', '--mode', 'rwx')
  t.equal(report.isUsage, true)
  for (const line of [
    /^--mitler: is not an option; did you mean --milter\?$/,
    /^--workers -1: must be a whole number from 1 to 10000; correct this setting$/,
    /^--mode rwx: must be/,
    /^QHPSI clamd: names a built-in plugin as a command; did you mean "plugin: clamd"\?$/,
    /^SCANTIMEOUT="-1": must be/,
    /^SECONDLOOK "od\\r": ends in a carriage return/,
    /^SECONDLOOK="od": must be always or never; correct this setting/,
    /^VERDICTS="vlakey:\/\/x": must be/,
    /^CLUSTERKEYS \/nonexistent\/ring: .*; create the file or unset CLUSTERKEYS$/,
  ]) {
    t.ok(
      report.errors.some((error) => line.test(error)),
      `${line}`,
      report,
    )
  }
  t.equal(report.errors.length, 9)
  t.match(report.warnings, [/^REJECT_VIRUS is not a setting: .*; did you mean REJECTVIRUS\?$/])
})

t.test('--check reports a plugin that cannot be loaded, which would defer all mail', async (t) => {
  const { directory, socket, check } = checkHere(t)
  const tried = async (text: string) => {
    writeFileSync(join(directory, 'mine.mjs'), text)
    const env = { QHPSI: 'plugin: mine.mjs eicar', PLUGINDIR: directory, CONTROLDIR: directory }
    const { checkLines } = await checked(['--socket', socket], env)
    return checkLines.filter(({ what }) => what === 'scanner mine.mjs')
  }
  t.match(await tried('export const virusscan = () => ({ clean: true })'), [{ level: 'ok' }])
  for (const text of ['no script', 'throw new Error("x")', 'export const other = 1']) {
    const found = {
      level: 'error',
      value: /^returns no result \(plugin mine\.mjs: /,
      marks: ['nothing scans'],
    }
    t.match(await tried(text), [found], text)
  }
  t.match((await check({ QHPSI: 'plugin: gone.mjs eicer' })).errors, [
    /^QHPSI: plugin gone\.mjs: /,
    /^QHPSI: plugin eicer: no such plugin; set QHPSI to some of clamd, clamscan, attachments, eicar\b/,
  ])
})

t.test(
  '--check reports an address in use with a remedy; that of the page may be in use by systemd',
  async (t) => {
    const place = `inet:127.0.0.1:${await listen(t, createServer())}`
    const { directory, check } = checkHere(t)
    const milter = await check(good, '--milter', place)
    t.match(milter.errors, [/^--milter 127\.0\.0\.1:\d+: cannot listen: .*ss -lntup/])
    const page = await check(good, '--http', place)
    t.same([page.errors, page.warnings], [[], []], 'onescand itself logs it when it starts')
    const running = await check(good, '--running', '--milter', place)
    t.same([running.errors, running.warnings], [[], []], 'the onescand that runs has it')
    const open = await check(good, '--http', 'inet:0.0.0.0:9')
    t.match(open.warnings, [/: onescand runs without its status page; add --http-token/])
    writeFileSync(join(directory, 'file'), '')
    const file = await check(good, '--milter', `unix:${join(directory, 'file')}`)
    t.match(file.errors, [/exists and is not a socket; remove it/])
  },
)

t.test('onescand --check exits with the code of a start, and serves no client', async (t) => {
  const run = async (args: readonly string[], settings: Record<string, string>) => {
    const daemon = runOnescand(t, { args: ['--check', ...args], settings })
    const code = await daemon.ended
    t.notMatch(daemon.log, [/serving/])
    return code
  }
  t.equal(await run([], good), 0)
  t.equal(await run([], { ...good, REJECT_VIRUS: '1' }), 0, 'a warning keeps nobody from mail')
  t.equal(await run([], { ...good, SCANTIMEOUT: '0' }), 111)
  t.equal(await run(['--workers', 'x'], good), 100)
})

t.test(
  'onescand --check tests all that mail needs, like the self-test of a running one',
  async (t) => {
    const clamd = `127.0.0.1:${await listen(t, createServer())}`
    const checked = (words: readonly string[], env: Record<string, string>) => {
      const [program = '', ...more] = [...newest, '--socket', 'none', ...words]
      const { stdout, status } = spawnSync(program, more, {
        env: { PATH: reachablePath(), CONTROLDIR: '/nonexistent', ...env },
        encoding: 'utf8',
      })
      return { stdout, status }
    }
    const well = checked(['--check'], good)
    t.match(well, { status: 0, stdout: /^ok: scanner eicar: finds EICAR: /m })
    t.match(well.stdout, /^ok: spool \(TMPDIR\): /m)
    const hung = { ...good, QHPSI: 'plugin: clamd', CLAMD: clamd }
    const tried = checked(['--check'], hung)
    t.match(tried.stdout, /^error: clamd \S+: .*does not answer within 6 s; restart clamd/m)
    t.equal(tried.status, 0, 'onescand starts all the same')
    t.notMatch(
      checked(['--check-settings'], hung).stdout,
      /clamd \S+: it takes/,
      'a start asks nobody',
    )
  },
)

t.test(
  '--check reports a keyring that only others may read',
  { skip: lacks('root') },
  async (t) => {
    const { directory } = checkHere(t)
    const ring = join(directory, 'ring')
    writeFileSync(ring, 'md5:a:sesame\n')
    chmodSync(ring, 0o600)
    const [program = '', ...words] = [...newest, '--check', '--socket', 'none'].map(reachable)
    const { status, stdout } = spawnSync(program, words, {
      cwd: '/',
      env: { PATH: reachablePath(), ...good, CLUSTERKEYS: ring },
      uid: 54_321,
      encoding: 'utf8',
    })
    t.equal(status, 0)
    t.match(stdout, /^error: keyring: .*ring is not readable by .+ \(\S+\): no stamps/m)
  },
)

t.test('--check tests the next servers, also while onescand is running', async (t) => {
  const next = await startNext(t)
  const [open, shut, lmtp, gone] = await Promise.all(Array.from({ length: 4 }, freePort))
  const place = (port: number | undefined) => `inet:127.0.0.1:${port}`
  const words = [
    ...['--smtp', place(open), '--next', place(next.port)],
    ...[`--smtp=${place(shut)}`, `--next=${place(next.port)}`, '--from', '192.0.2.0/24'],
    ...['--lmtp', place(lmtp), '--after-queue', '--next', place(gone)],
  ]
  await startOnescand(t, { args: words, settings: good })
  const all = ['--check', '--running', ...['--socket', 'none'], ...words]
  const { checkLines } = await checked(all, { TMPDIR: tmpdir(), ...good })
  t.same(
    linesOf(checkLines.filter(({ what }) => what.startsWith('next'))).map((line) =>
      line.replace(/; .*/, ''),
    ),
    [
      `ok next server ${place(next.port)}: greets smtp ${place(open)}`,
      `ok next server ${place(next.port)}: greets smtp ${place(shut)}`,
      `error next server ${place(gone)}: 127.0.0.1:${gone}: connection refused: mail is deferred at ${place(lmtp)}`,
    ],
  )
  t.same([...new Set(next.commands)], ['QUIT'], 'no mail comes of it')
})
