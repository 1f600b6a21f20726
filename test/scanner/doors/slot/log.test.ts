import { spawn, spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import {
  missing as clientMissing,
  clientsBeside,
  standalonePrograms,
} from '../../../c/onescanc/client.ts'
import {
  accept,
  answering,
  bodyAt,
  insert,
  keep,
  logLine,
  scriptedDaemon,
} from '../../../c/onescanc/scripted-daemon.ts'
import { infected, plain } from '../../../cases/messages.ts'
import { buildStage } from '../../../cases/stage.ts'
import { lacks } from '../../../needs.mjs'
import { startSyslog, syslogMissing } from '../../../programs/host/syslog.ts'
import { isLogRows } from '../../log/is-log-rows.ts'
import { builds, compiled, launcher, runSlot, runtimes, type SlotSetup } from './slot.ts'

/** Where the slot's lines go: to fd 2 if that is a log, and never into a bounce. */

const root = join(import.meta.dirname, '../../../..')
const stage = buildStage(t)
const scanner = (name: string, script: string) => stage.file(name, `#!/bin/sh\n${script}\n`, 0o700)
const loud = scanner('loud', 'echo "secret of the scanner" >&2; exit 0')
const lost = scanner('lost', 'echo "secret of the scanner" >&2; exit 3')
const plugin = stage.file(
  'plugins/loud.mjs',
  'export const virusscan = () => { process.stderr.write("secret of the plugin\\n"); return { clean: true } }',
)

const clients = clientMissing ? [] : clientsBeside(standalonePrograms(t).queue)
/** For clients, which go standalone, as for all others. */
const withoutDaemon = { ONESCAN_SOCKET: '/nonexistent' }

/** As qmail-local starts a program: no server set anything, and fd 2 is the delivery report. */
const local = {
  PROTO: undefined,
  SENDER: 'stranger@example.net',
  RECIPIENT: 'list@example.org',
  DTLINE: 'Delivered-To: list@example.org\n',
  RPLINE: 'Return-Path: <stranger@example.net>\n',
  UFLINE: 'From stranger@example.net Thu Jan  1 00:00:00 1970\n',
  HOST: 'example.org',
  LOCAL: 'list',
  USER: 'alias',
}

const ways: Readonly<Record<string, SlotSetup & { code: number }>> = {
  accepts: { code: 0, settings: { QHPSI: loud } },
  'accepts by a plugin': {
    code: 0,
    settings: { QHPSI: 'plugin: loud.mjs', PLUGINDIR: join(plugin, '..') },
  },
  'passes unscanned': { code: 0 },
  'passes by the switch': {
    code: 0,
    settings: { QHPSI: loud, CONTROLDIR: join(stage.file('off/onescan.off', ''), '..') },
  },
  refuses: { code: 31, message: infected, settings: { QHPSI: stage.scanner, REJECTVIRUS: '1' } },
  drops: { code: 0, message: infected, settings: { QHPSI: stage.scanner, REJECTVIRUS: '2' } },
  defers: { code: 71, settings: { QHPSI: lost } },
  'has a setting that makes no sense': { code: 55, settings: { QHPSI: loud, SCANTIMEOUT: 'x' } },
  'has no keyring where one is named': {
    code: 55,
    settings: { QHPSI: loud, CLUSTERKEYS: '/nonexistent' },
  },
  'has no place for the message': {
    code: 64,
    message: Buffer.from(`Subject: x\n\n${'x\n'.repeat(150_000)}`),
    settings: { QHPSI: loud, TMPDIR: '/nonexistent' },
  },
  'gets half a message': { code: 54, envelope: Buffer.alloc(0), settings: { QHPSI: loud } },
  'has no next program': { code: 120, settings: { QHPSI: loud, QUEUECHAIN: '/nonexistent/queue' } },
  'passes to no next program': { code: 120, settings: { QUEUECHAIN: '/nonexistent/queue' } },
}

/** Starts a daemon that accepts mail whose header has 12 bytes, and logs this; resolves to the settings. */
async function loggingDaemon(t: Test, line: string) {
  const fields = [bodyAt(12), insert('X-QHPSI: clean\n'), keep(0, 12), logLine(line)]
  const { socket } = await scriptedDaemon(t, answering(accept(...fields)))
  return { QHPSI: 'plugin: eicar', ONESCAN_SOCKET: socket }
}

// promise: log-unread, rule-17-outside
t.test('below qmail-local the report of the delivery stays empty', async (t) => {
  const asking = await loggingDaemon(t, 'secret of the daemon\n')
  for (const { name, program } of [...runtimes, ...clients]) {
    t.test(name, async (t) => {
      const send = async (way: string, code: number, { settings, ...setup }: SlotSetup) => {
        const all = { ...withoutDaemon, ...local, ...settings }
        const run = await runSlot({ program, message: plain, ...setup, settings: all })
        t.equal(run.code, code, way)
        t.equal(run.logged, '', way)
      }
      for (const [way, { code, ...setup }] of Object.entries(ways)) await send(way, code, setup)
      await send('is called with an option', 55, { program: [...program, '--help'] })
      await send('asks', 0, { settings: asking, message: Buffer.from('Subject: x\n\nbody\n') })
    })
  }
})

t.test(
  "without a log of its own onescan-queue logs to the system's, a datagram a line",
  { skip: syslogMissing },
  async (t) => {
    const settings = { ...local, ...withoutDaemon, QHPSI: loud }
    for (const { name, program } of [...runtimes, ...clients]) {
      const syslog = await startSyslog(t)
      const run = await runSlot({ program: syslog.around(program), message: plain, settings })
      t.equal(run.code, 0, name)
      t.equal(run.logged, '')
      const heard = await syslog.heard(/decision=accept/)
      const head = /^<22>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d onescan\[\d+\]: /
      for (const line of heard) t.match(line, head, name)
      const texts = heard.map((line) => line.replace(head, ''))
      t.match(texts.at(-2), /^loud: secret of the scanner$/, name)
      t.match(texts.at(-1), /^decision=accept scan=clean scanner=loud .*total_ms=[\d.]+$/, name)
      if (name.startsWith('onescanc'))
        t.match(texts[0], /^decision=standalone reason="onescand at /)
    }
  },
)

t.test(
  'a launcher without its runtime is reported to the system log in the same form',
  { skip: syslogMissing || lacks('the compiled programs') },
  async (t) => {
    const program = join(t.testdir(), 'onescan-queue')
    cpSync(realpathSync(compiled), program)
    const syslog = await startSyslog(t)
    const run = await runSlot({ program: syslog.around([program]), settings: local })
    t.same([run.code, run.logged], [120, ''])
    t.match(await syslog.heard(/decision/), [
      /^<22>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d onescan\[\d+\]: decision=defer fault=next-hop reason="\S+\/onescan-runtime is missing; reinstall onescan-runtime" exit=120$/,
    ])
  },
)

// promise: words-forge-nothing
t.test(
  "in the system's log a line of full length is one, and none begins with words of a stranger",
  { skip: syslogMissing },
  async (t) => {
    const words = ' decision=reject scan=infected'.repeat(13)
    for (const { name, program } of builds) {
      const syslog = await startSyslog(t)
      const run = await runSlot({
        program: syslog.around(program),
        message: Buffer.from(`Message-ID: <${words}@example.org>\n\nhello\n`),
        envelope: Buffer.from(`F"${words}"@example.org\0T"${words}"@example.net\0\0`),
        settings: { ...local, QHPSI: loud },
      })
      t.equal(run.code, 0, name)
      const [relayed, line = '', ...more] = await syslog.heard(/ total_ms=/)
      t.match(relayed, /\]: loud: secret of the scanner$/, name)
      t.match(line, /\]: decision=accept .* total_ms=[\d.]+$/, name)
      t.ok(line.length > 1100, name)
      t.same(more, [], name)
    }
  },
)

t.test(
  "the client logs the daemon's lines to the system's log, too",
  { skip: syslogMissing || clientMissing },
  async (t) => {
    const asking = await loggingDaemon(t, 'onescan: decision=accept interface=qmail\n')
    for (const { program } of clients) {
      const syslog = await startSyslog(t)
      const settings = { ...local, ...asking }
      const run = await runSlot({ program: syslog.around(program), settings })
      t.equal(run.code, 0)
      t.equal(run.logged, '')
      t.match(await syslog.heard(/decision/), [
        /^<22>.* onescan\[\d+\]: decision=accept interface=qmail$/,
      ])
    }
  },
)

// promise: log-waits
t.test('mail does not wait for a full log of the system', { skip: syslogMissing }, async (t) => {
  const settings = { ...local, ...withoutDaemon, QHPSI: loud }
  const syslog = await startSyslog(t, 'is full')
  for (const { name, program } of [...runtimes, ...clients]) {
    const run = await runSlot({ program: syslog.around(program), settings })
    t.equal(run.code, 0, name)
    t.equal(run.logged, '')
  }
})

const unset = { PROTO: undefined }

/** Runs a program with fd 2 redirected to a file. */
function redirected(file: string, ...program: readonly string[]): readonly string[] {
  return ['/bin/sh', '-c', `exec "$@" 2>'${file}'`, 'sh', ...program]
}

t.test('fd 2 is a log below a server, unless it is below a delivery or the reply', async (t) => {
  for (const { name, program } of [...runtimes, ...clients, ...damagedPrograms(t)]) {
    for (const [settings, isLog] of isLogRows) {
      const { logged } = await runSlot({ program, settings })
      t.equal(logged !== '', isLog, `${name} ${JSON.stringify(settings)}`)
    }
  }
})

const IS_LOG = 'bin/is-log.cjs'

/** Each program that has to report by itself that the slot cannot run, without what it starts. */
function damagedPrograms(t: Test) {
  const directory = t.testdir({ bin: { 'package.json': '{}' }, native: {}, runtime: {}, empty: {} })
  const installed = join(directory, 'bin/onescan-queue')
  cpSync(launcher, installed)
  cpSync(join(root, IS_LOG), join(directory, IS_LOG))
  // The first file of the runtime, and what the build puts beside it but the programs.
  const chooser = 'packaging/builds/runtime-main.mjs'
  const cut = join(directory, 'runtime')
  const list = 'packaging/builds/program-list.cjs'
  for (const file of [chooser, list, IS_LOG]) cpSync(join(root, file), join(cut, file))
  const lacking = /^onescan: decision=defer fault=bug reason="Cannot find module .* exit=81\n$/
  const programs: { name: string; program: readonly string[]; code: number; expected: RegExp }[] = [
    { name: 'without its bundle', program: [installed], code: 81, expected: lacking },
    {
      name: 'without node',
      program: ['/usr/bin/env', `PATH=${join(directory, 'empty')}`, '/bin/sh', installed],
      code: 127,
      expected: /node is not in PATH/,
    },
    {
      name: 'the runtime without its programs',
      program: [process.execPath, join(cut, chooser), 'login', 'onescan-queue', ''],
      code: 81,
      expected: lacking,
    },
  ]
  if (!existsSync(compiled)) return programs
  const native = join(directory, 'native/onescan-queue')
  cpSync(realpathSync(compiled), native)
  return [
    ...programs,
    {
      name: 'the launcher without its runtime',
      program: [native],
      code: 120,
      expected: /^onescan: .*fault=/,
    },
  ]
}

t.test('a damaged installation is reported to a log, and never in a bounce', async (t) => {
  const file = join(t.testdir(), 'log')
  for (const { name, program, code, expected } of damagedPrograms(t)) {
    for (const settings of [local, { ERROR_FD: '2' }]) {
      const silent = await runSlot({ program, message: plain, settings })
      t.same([silent.code, silent.logged], [code, ''], name)
    }
    const outcome = await runSlot({ program, message: plain })
    t.equal(outcome.code, code, name)
    t.match(outcome.logged, expected)
    await runSlot({ program: redirected(file, ...program), settings: unset })
    t.match(readFileSync(file, 'utf8'), expected, `${name}: a file is somewhere to write`)
  }
})

t.test('fd 2 is a log if it is redirected to a file', async (t) => {
  const file = join(t.testdir(), 'log')
  for (const { name, program } of [...runtimes, ...clients]) {
    await runSlot({ program: redirected(file, ...program), settings: unset })
    t.match(readFileSync(file, 'utf8'), /^onescan: decision=pass/, name)
    await runSlot({ program: redirected(file, ...program), settings: { ...unset, ERROR_FD: '2' } })
    t.equal(readFileSync(file, 'utf8'), '', `${name}, ERROR_FD=2`)
  }
})

t.test('fd 2 is a log if JOURNAL_STREAM names it', async (t) => {
  // The shell cannot ask: where there is no node, there may be no stat(1) either.
  const damaged = damagedPrograms(t).filter(({ name }) => !name.endsWith('without node'))
  for (const { name, program } of [...runtimes, ...clients, ...damaged]) {
    const script = 'export JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); exec "$@"'
    const around = ['/bin/sh', '-c', script, 'sh', ...program]
    const { logged } = await runSlot({ program: around, settings: unset })
    t.match(logged, /^onescan: decision=(pass|defer)/, name)
  }
})

t.test('fd 2 is not a log if it is a connection, not even below a server', async (t) => {
  const env = { PROTO: 'TCP', TCPREMOTEIP: '192.0.2.1', QUEUECHAIN: '/nonexistent/queue' }
  for (const { name, program } of [...runtimes, ...clients]) {
    const [command, ...args] = program
    // Node makes its pipes of sockets.
    const child = spawn(command!, args, { stdio: ['ignore', 'ignore', 'pipe'], env })
    t.equal(await text(child.stderr!), '', name)
  }
})

t.test('fd 2 is a log if it is a terminal', { skip: lacks('script') }, async (t) => {
  for (const { name, program } of [...runtimes, ...clients]) {
    const words = program.map((word) => `'${word}'`).join(' ')
    const env = { PATH: process.env.PATH ?? '', QUEUECHAIN: '/nonexistent/queue' }
    const options = { env, encoding: 'latin1' } as const
    const { stdout } = spawnSync('script', ['-qec', words, '/dev/null'], options)
    t.match(stdout, /^onescan: decision=defer fault=next-hop/, name)
  }
})
