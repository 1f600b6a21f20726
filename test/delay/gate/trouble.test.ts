import { execFileSync, spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { ProcEntry } from '../../../src/base/process/proc-entry.ts'
import { lacks } from '../../needs.mjs'
import { listen } from '../../programs/host/listen.ts'
import { python } from '../../programs/host/python.ts'
import { openDirectory, reachable } from '../../programs/host/reachable.ts'
import { ucspiMissing } from '../../programs/servers/ucspi.ts'
import { until } from '../../run/until.ts'
import { runtimes } from '../rig.ts'
import { allWait, namesFrom } from '../waits.ts'
import { AT_ONCE, connect, type Gate, speak, startGate } from './rig.ts'

/** Trouble around a gate (dead servers, full disks, restarts), and how its clients fare. */

const { smtpDelay: command } = runtimes.at(-1)!
const skip = ucspiMissing
const needsRoot = lacks('root')
const WAITING = [...allWait(60), '-P', '0.1', '--dns', '127.0.0.1:9']

t.test('thousands of simultaneous disconnects leak nothing', { skip }, async (t) => {
  const gate = await startGate(t, { command, words: [...WAITING, '--per-client', '5000'] })
  const before = descriptors(gate)
  for (let round = 0; round < 20; round++) {
    const clients = await Promise.all(Array.from({ length: 150 }, () => connect(gate.port)))
    for (const client of clients) client.leave()
  }
  await until(() => descriptors(gate) <= before + 4, 'none of theirs is open')
  t.equal(gate.kept('environments'), '')
})

t.test('a client that sends byte after byte has talked at the first', { skip }, async (t) => {
  const gate = await startGate(t, { command, words: WAITING })
  const client = await connect(gate.port, { early: 'E' })
  const sending = setInterval(() => client.send('H'), 1)
  t.match(await client.hears(/^220 .*\r\n/), 'RBLSMTPD=your mail server talked')
  clearInterval(sending)
  client.leave()
})

t.test('thousands of waiting clients cost no processor time', { skip }, async (t) => {
  const gate = await startGate(t, {
    command,
    words: [...WAITING, '-P', '60', '--per-client', '5000'],
  })
  const clients = await Promise.all(
    Array.from({ length: 1000 }, (_, at) => connect(gate.port, at % 2 ? { early: 'x' } : {})),
  )
  await until(
    () => gate.log.filter((line) => / event=talked /.test(line)).length === 500,
    'half talk',
  )
  await new Promise((resolve) => setTimeout(resolve, 1500)) // what the DNS was asked is over
  const before = new ProcEntry(gate.pid).stat()!.used
  await new Promise((resolve) => setTimeout(resolve, 2000))
  const used = new ProcEntry(gate.pid).stat()!.used - before
  t.ok(used <= 200, `${used} ms of processor time`)
  for (const client of clients) client.leave()
})

t.test('with a dead resolver clients count as ordinary, and none is lost', { skip }, async (t) => {
  const words = [...allWait(60), '-d', '0', ...namesFrom('127.0.0.1:9', 0.5), '-c', '600']
  const gate = await startGate(t, { command, words: [...words, '--remember', '0'] })
  const clients = await Promise.all(
    Array.from({ length: 600 }, (_, at) =>
      connect(gate.port, { from: `127.0.${1 + (at >> 7)}.${1 + (at & 127)}` }),
    ),
  )
  for (const client of clients) {
    await client.hears(/^220 /)
    client.leave()
  }
  t.match(gate.log.join('\n'), 'ordinary (no answer: ')
})

t.test('without descriptors clients wait in the kernel, and nothing spins', { skip }, async (t) => {
  const gate = await startGate(t, { command, words: AT_ONCE })
  await speak(gate.port)
  execFileSync('prlimit', ['--pid', String(gate.pid), '--nofile=3:1000'])
  const early = await connect(gate.port)
  await gate.logged(/ event=failed .*descriptors or memory are used up/)
  const before = new ProcEntry(gate.pid).stat()!.used
  await new Promise((resolve) => setTimeout(resolve, 1000))
  const used = new ProcEntry(gate.pid).stat()!.used - before
  t.ok(used <= 200, `${used} ms of processor time`)
  t.equal(early.replies, '')
  execFileSync('prlimit', ['--pid', String(gate.pid), '--nofile=1000:1000'])
  await early.hears(/^220 /)
  early.leave()
  t.equal(gate.log.filter((line) => / event=failed /.test(line)).length, 1, 'once')
})

t.test('a queue larger than the limit of descriptors is refused', { skip }, async (t) => {
  const words = ['-c', 'ulimit -n 200; exec "$0" "$@"', ...command]
  const waiting = [...AT_ONCE, '--waiting', '500']
  const attempt = startGate(t, { command: ['/bin/sh', ...words], words: waiting })
  await t.rejects(attempt, {
    message: /--waiting 500: needs 604 descriptors, and the limit is 200; raise it/,
  })
  const gate = await startGate(t, { command: ['/bin/sh', ...words], words: AT_ONCE })
  t.match(await speak(gate.port), /^220 /, 'without a wish it takes what there is')
})

t.test('a missing or dying program is reported, also to its client', { skip }, async (t) => {
  const gate = await startGate(t, { command })
  const dying = await connect(gate.port)
  await dying.hears(/^220 /)
  dying.send('DIE\r\n')
  await dying.over
  await gate.logged(/behind: killed by SIGKILL/)
  rmSync(join(gate.directory, 'behind'))
  t.match(await (await connect(gate.port)).over, /^421 .* the server cannot be started; try again/)
  await gate.logged(/ event=failed .*behind: cannot be started/)
  const missing = startGate(t, { command, program: ['/nonexistent/x'] })
  const reason = { message: /event=failed .*\/nonexistent\/x/ }
  await t.rejects(missing, reason, 'better before the port opens')
})

t.test(
  'a log that is not read for a while stops no client and loses no line',
  { skip },
  async (t) => {
    const log = join(openDirectory(t), 'log')
    execFileSync('mkfifo', [log])
    const gate = await startGate(t, {
      command: ['/bin/sh', '-c', `exec "$0" "$@" 2<>${log}`, ...command],
      words: [...AT_ONCE, '--per-client', '1'],
    })
    const served = await connect(gate.port)
    await served.hears(/^220 /)
    // A pipe has 64 KiB, and each line more than 100 bytes.
    for (let count = 0; count < 800; count++) {
      t.match(await (await connect(gate.port)).over, /^421 .* too many connections/)
    }
    served.send('QUIT\r\n')
    t.match(await served.over, /^220 .*\r\n221 bye/)
    const reader = spawn('cat', [log], { stdio: ['ignore', 'pipe', 'ignore'] })
    t.teardown(() => void reader.kill())
    let read = ''
    reader.stdout.on('data', (bytes) => {
      read += bytes
    })
    const refused = () => read.split('\n').filter((line) => / event=refused /.test(line)).length
    await until(() => refused() === 800, 'all lines come')
    t.match(await speak(gate.port, '127.0.0.2'), /^220 /)
    await until(() => / event=passed .*127\.0\.0\.2/.test(read), 'and those of now')
  },
)

t.test(
  'a used port, or a descriptor that is not a socket, is reported immediately',
  { skip },
  async (t) => {
    const address = `127.0.0.1:${await listen(t, createServer())}`
    await t.rejects(startGate(t, { command, listen: address }), {
      message: /--listen 127\.0\.0\.1:\d+: another process listens there; .*ss -lntup/,
    })
    const words = ['-c', 'exec "$0" "$@" 3</dev/null', ...command]
    await t.rejects(startGate(t, { command: ['/bin/sh', ...words], listen: 'fd:3' }), {
      message: /--listen fd:3: is not a listening TCP socket/,
    })
  },
)

/** Listens as systemd does, and starts the gate twice; the second time once a file "again" exists. */
const HOLDER = `
import os, signal, socket, subprocess, sys, time
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen(100)
os.dup2(listener.fileno(), 3)
signal.signal(signal.SIGTERM, lambda *_: gate.terminate())
for again in (False, True):
    while again and not os.path.exists(os.environ['KEPT'] + '/again'): time.sleep(0.01)
    gate = subprocess.Popen(sys.argv[1:], pass_fds=[3])
    gate.wait()
`

t.test('clients that come while a gate restarts wait in the socket', { skip }, async (t) => {
  const gate = await startGate(t, { command: [python, '-c', HOLDER, ...command], listen: 'fd:3' })
  t.match(await speak(gate.port), /^220 /)
  const waiting = gate.log.length
  gate.signal('SIGTERM')
  await until(() => !isRunning(gate), 'the first gate ends')
  const client = await connect(gate.port)
  writeFileSync(join(gate.directory, 'again'), '')
  await client.hears(/^220 /)
  client.leave()
  await until(() => gate.log.length > waiting, 'the second gate logs the client')
})

t.test(
  'only the bind is done as root: sessions run as another user',
  { skip: skip || needsRoot },
  async (t) => {
    const gate = await startGate(t, {
      command: command.map(reachable),
      words: [...AT_ONCE, '-u', '65534', '-g', '65533'],
    })
    const status = readFileSync(`/proc/${gate.pid}/status`, 'latin1')
    t.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m)
    t.match(status, /^Gid:\t65533\t65533\t65533\t65533$/m)
    t.match(status, /^Groups:\t65533 $/m)
    t.match(status, /^CapEff:\t0+$/m)
    t.match(await speak(gate.port), /^220 /)
    const attempt = startGate(t, {
      command: ['setpriv', '--reuid=65534', '--clear-groups', ...command.map(reachable)],
      words: [...AT_ONCE, '-u', '1'],
    })
    await t.rejects(attempt, { message: /-u 1: .*; start it as root/ })
  },
)

/** Whether the process has a child. */
function isRunning(gate: Gate): boolean {
  return readFileSync(`/proc/${gate.pid}/task/${gate.pid}/children`, 'latin1') !== ''
}

/** The number of descriptors that are open. */
function descriptors(gate: Gate): number {
  return Number(execFileSync('sh', ['-c', `ls /proc/${gate.pid}/fd | wc -l`], { encoding: 'utf8' }))
}
