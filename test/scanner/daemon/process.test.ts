import '../../needs-addon.ts'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { descriptorOf } from '../../../src/base/process/descriptors.ts'
import { ProcEntry } from '../../../src/base/process/proc-entry.ts'
import { plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { lacks } from '../../needs.mjs'
import { freePort } from '../../programs/host/free-port.ts'
import { isRunning } from '../../programs/host/is-running.ts'
import { slowness } from '../../programs/host/processor-time.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { until } from '../../run/until.ts'
import { ask, call, framesOf, hearOut } from '../doors/slot/socket/client.ts'
import { type Asked, numbered, standIn } from '../scan/scanners/clamd/stand-in.ts'
import { childrenOf, hasEnded, launcher, runOnescand, runtimes, startOnescand } from './process.ts'
import { systemdEar } from './systemd-ear.ts'

/** How the built onescand starts, obeys signals and ends. */

const compiled = join(import.meta.dirname, '../../../build/native/onescand')
const own = { QHPSI: 'plugin: eicar' }
const question = { variables: own, message: plain }

for (const { name, program } of [...runtimes, { name: 'by its launcher', program: [launcher] }]) {
  t.test(`onescand serves with several processes and ends on request, ${name}`, async (t) => {
    const onescand = await startOnescand(t, { program, args: ['--workers', '3'], settings: own })
    const workers = childrenOf(onescand.pid)
    t.equal(workers.length, 3, 'beside the first process, which judges no mail')
    const answers = Array.from({ length: 40 }, () => onescand.ask(question))
    for (const { does } of await Promise.all(answers)) t.equal(does, 'hand on')
    onescand.child.kill('SIGTERM')
    t.equal(await onescand.ended, 0)
    t.same(readdirSync(onescand.directory), [], 'the socket has gone')
    for (const pid of workers) t.throws(() => process.kill(pid, 0), 'its workers have ended')
    t.same(onescand.log.slice(1), ['onescand: serving'])
  })
}

t.test('a worker that opens its interfaces slowly serves clients', async (t) => {
  const slow = t.testdir({
    'slow.cjs': `const { Server } = require('node:net')
      const { listen } = Server.prototype
      Server.prototype.listen = function (...args) {
        if (args[0]?.fd !== undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1500)
        return listen.apply(this, args)
      }`,
  })
  const settings = { ...own, NODE_OPTIONS: `--require=${join(slow, 'slow.cjs')}` }
  const page = ['--http', `inet:127.0.0.1:${await freePort()}`]
  const onescand = await startOnescand(t, { settings, args: ['--workers', '2', ...page] })
  t.equal((await onescand.ask(question)).does, 'hand on')
  t.same(onescand.log.slice(1), ['onescand: serving'], 'no worker had to be replaced')
})

t.test('a worker takes mail after less than half a second of CPU time', async (t) => {
  const onescand = await startOnescand(t, { settings: own })
  t.equal((await onescand.ask(question)).does, 'hand on')
  const [worker] = childrenOf(onescand.pid)
  const { used } = new ProcEntry(worker!).stat()!
  t.ok(used < 500 * (await slowness()), `it has used ${used} ms`)
  t.same(onescand.log.slice(1), ['onescand: serving'])
})

t.test('onescand logs the handling of mail at its start, and after a reload', async (t) => {
  const files = t.testdir({ ring: 'sesame\n', rules: 'name *.exe\n' })
  const ring = join(files, 'ring')
  chmodSync(ring, 0o600)
  const port = await freePort()
  const listening = [
    '--milter',
    `inet:127.0.0.1:${port}`,
    '--policy',
    `inet:127.0.0.1:${await freePort()}`,
  ]
  const clustered = { QHPSI: 'plugin: eicar attachments', CLUSTERKEYS: ring }
  const settings = { ...clustered, BADATTACHMENTS: join(files, 'rules'), REJECTVIRUS: '1' }
  const onescand = await startOnescand(t, { settings, args: listening })
  const described = [
    `qmail unix:${onescand.socket}: scans with eicar, attachments, clients handle viruses, stamps with 1 key`,
    `milter inet:127.0.0.1:${port}: scans with eicar, attachments, refuses viruses, stamps with 1 key`,
    `policy ${listening[3]}: no mailbox is treated as full: QUOTAD is not set`,
  ].map((line) => `onescand: ${line}`)
  t.same(onescand.log, [...described, 'onescand: serving'])
  onescand.child.kill('SIGHUP')
  await until(() => onescand.log.length >= 7, 'it has read its settings again')
  t.same(onescand.log.slice(4), described)

  for (const settings of [{}, { QHPSI: '' }]) {
    const byDefault = runOnescand(t, {
      settings,
      args: ['--milter', `inet:127.0.0.1:${await freePort()}`],
    })
    await byDefault.logged(/milter inet:.*: scans with clamd, tags viruses and accepts them/)
  }
  const idle = runOnescand(t, { settings: { QHPSI: 'none' } })
  await idle.logged(/qmail unix:.*: nothing is scanned: QHPSI names no scanner/)
  const tags = runOnescand(t, { settings: own, args: ['--milter', `unix:${idle.directory}/m`] })
  await tags.logged(/milter unix:.*\/m: scans with eicar, tags viruses and accepts them, no stamps/)
})

const notRoot = lacks('root')

// promise: bad-smtpd-or-quotad
t.test(
  'as root onescand creates no socket where another user could put a link',
  { skip: notRoot },
  async (t) => {
    const directory = socketDirectory(t)
    const socket = join(directory, 's')
    for (const [uid, gid, mode] of [
      [54_321, 0, 0o700],
      [0, 54_321, 0o770],
    ] as const) {
      chownSync(directory, uid, gid)
      chmodSync(directory, mode)
      const onescand = runOnescand(t, { settings: own, socket, args: ['--group', '54321'] })
      t.equal(await onescand.ended, 111)
      t.match(
        onescand.log.join('\n'),
        /users other than root can change .*; put the socket into a directory that only root/,
      )
    }
    chmodSync(directory, 0o1777)
    await startOnescand(t, { settings: own, socket, args: ['--group', '54321'] })
    t.equal(statSync(socket).gid, 54_321, 'where none but root can exchange it')
  },
)

t.test('wrong options and settings are reported, and end onescand', async (t) => {
  const failing = async (args: readonly string[], settings = {}) => {
    const onescand = runOnescand(t, { args, settings })
    return `${await onescand.ended} ${onescand.log.join('\n')}`
  }
  const stage = buildStage(t)
  t.match(await failing(['--no-such-option']), /^100 .*no-such-option[\s\S]*Try "onescand --help"/)
  t.match(await failing(['--group', 'nosuchgroup']), /^100 .*no such group/)
  t.match(await failing(['--socket', 'relative']), /^100 .*absolute/)
  t.match(
    await failing(['--socket', '/nonexistent/s']),
    /^111 onescand: --socket \/nonexistent\/s: \/nonexistent: no such file or directory.*; create the directory/,
  )
  t.match(
    await failing(['--socket', 'none', '--milter', 'inet:192.0.2.1:1']),
    /--milter 192\.0\.2\.1:1: cannot listen: /,
  )
  const file = stage.file('file', 'precious')
  t.match(await failing(['--socket', file]), /^111 .*not a socket; remove it/)
  t.equal(readFileSync(file, 'latin1'), 'precious')
  t.match(await failing([], { ...own, SCANTIMEOUT: 'long' }), /^111 .*SCANTIMEOUT="long": must be/)
})

t.test('onescand replaces a socket without a listening process, and no other', async (t) => {
  const first = await startOnescand(t, { settings: own })
  const second = runOnescand(t, { settings: own, socket: first.socket })
  t.equal(await second.ended, 111)
  t.match(second.log.join('\n'), /another process listens there/)
  t.equal((await first.ask(question)).does, 'hand on', 'the first one goes on')
  const workers = childrenOf(first.pid)
  first.child.kill('SIGKILL')
  await first.ended
  await until(() => workers.every(hasEnded), 'all workers are gone')
  const third = await startOnescand(t, { settings: own, socket: first.socket })
  t.equal((await third.ask(question)).does, 'hand on')
})

t.test('SIGHUP reads the keys again; if they cannot be used, the old ones stay', async (t) => {
  const stage = buildStage(t)
  const ring = stage.file('ring', 'md5:old:sesame\n')
  const settings = { ...own, CLUSTERKEYS: ring, CLAMDBDIR: '/nonexistent' }
  const onescand = await startOnescand(t, { settings, args: ['--workers', '2'] })
  const keys = async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => onescand.ask(question)))
    return new Set(answers.map(({ log }) => /key=(\S+)/.exec(log)?.[1]))
  }
  const waiting = await call(onescand.socket)
  waiting.write(Buffer.concat(framesOf(question).slice(0, -1)))
  await once(waiting, 'data')
  t.same(await keys(), new Set(['old']))

  writeFileSync(ring, 'md5:broken\n')
  onescand.child.kill('SIGHUP')
  await onescand.logged(/the old configuration remains in use: CLUSTERKEYS /)
  t.same(await keys(), new Set(['old']))

  writeFileSync(ring, 'md5:new:sesame\n')
  onescand.child.kill('SIGHUP')
  await until(async () => [...(await keys())].join() === 'new', 'each worker has the new key')
  const heard = hearOut(waiting)
  waiting.write(framesOf(question).at(-1)!)
  t.match((await heard).types, /^h*a$/, 'who was amidst a request was not dropped')
})

t.test('a signal that comes during the start is obeyed', async (t) => {
  for (let i = 0; i < 3; i++) {
    const onescand = runOnescand(t, { settings: own, args: ['--workers', '2'] })
    while (!existsSync(onescand.socket)) await new Promise((resolve) => setTimeout(resolve, 1))
    onescand.child.kill('SIGTERM')
    t.equal(await onescand.ended, 0)
  }
})

const ok = numbered('stream: OK')
/** Whether clamd is asked about a message, and not about its limits. */
const isMail = ({ message }: Asked) => message.includes('Subject: x\n')

// promise: client-standalone
t.test('SIGTERM waits for messages in flight', async (t) => {
  const release: (() => void)[] = []
  const clamd = await standIn(t, (asked) => {
    if (isMail(asked)) release.push(() => ok(asked))
    else ok(asked)
  })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
  const onescand = await startOnescand(t, { settings, args: ['--workers', '2'] })
  const asked = Array.from({ length: 8 }, () => onescand.ask({ variables: settings }))
  await until(() => release.length === 8, 'clamd is asked')
  onescand.child.kill('SIGTERM')
  const isClosed = () =>
    ask(onescand.socket, question).then(
      () => false,
      () => true,
    )
  await until(isClosed, 'nobody else is let in')
  for (const answer of release) answer()
  for (const { does } of await Promise.all(asked)) t.equal(does, 'hand on')
  t.equal(await onescand.ended, 0)
})

// promise: client-half-answer, rule-5-crash
t.test('a client of a killed onescand never obeys half an answer', async (t) => {
  const clamd = await standIn(t, () => {})
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
  const onescand = await startOnescand(t, { settings })
  const heard = ask(onescand.socket, { variables: settings })
  await until(() => clamd.asked.some(isMail), 'clamd is asked')
  onescand.kill()
  t.match((await heard).types, /^(?:Ah*)?$/)
})

t.test('a worker that is killed is replaced, and none outlives the first process', async (t) => {
  const onescand = await startOnescand(t, { settings: own, args: ['--workers', '2'] })
  const [worker, other] = childrenOf(onescand.pid)
  process.kill(worker!, 'SIGKILL')
  await onescand.logged(new RegExp(`worker ${worker} was killed by SIGKILL`))
  const isNext = (pid: number) => pid !== worker && pid !== other
  await until(() => childrenOf(onescand.pid).some(isNext), 'another worker starts')
  const next = childrenOf(onescand.pid).find(isNext)
  t.equal((await onescand.ask(question)).does, 'hand on')
  onescand.child.kill('SIGKILL')
  await onescand.ended
  await until(() => !isRunning(next!), 'it ends with onescand')
})

// promise: bad-scanner
t.test('scanners do not inherit the listening sockets', async (t) => {
  const stage = buildStage(t)
  const seen = join(stage.directory, 'seen')
  const scanner = stage.file('look', `#!/bin/sh\nls -l /proc/$$/fd >>'${seen}'\n`, 0o700)
  const settings = { QHPSI: scanner }
  const onescand = await startOnescand(t, { settings, args: ['--workers', '2'] })
  const asked = Array.from({ length: 12 }, () => onescand.ask({ variables: settings }))
  for (const { does } of await Promise.all(asked)) t.equal(does, 'hand on')
  const row = readFileSync('/proc/net/unix', 'latin1')
    .split('\n')
    .find((line) => line.endsWith(` ${onescand.socket}`))
  const inode = row!.trim().split(/\s+/)[6]
  t.match(inode, /^\d+$/)
  const links = readFileSync(seen, 'latin1')
  t.match(links, / 0 -> .*onescan/, 'the message')
  t.notMatch(links, `socket:[${inode}]`)
})

for (const { name, program } of [...runtimes, { name: 'compiled', program: [compiled] }]) {
  const skip = !existsSync(program[0]!) && lacks('the compiled programs')
  t.test(`onescand serves on a socket that systemd hands over, ${name}`, { skip }, async (t) => {
    const server = createServer()
    const stage = buildStage(t)
    const socket = join(stage.directory, 'activated')
    server.listen(`${socket}.new`)
    await once(server, 'listening')
    const fd = descriptorOf(server)!
    const shell = ['/bin/sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', 'sh']
    const onescand = runOnescand(t, {
      program: [...shell, ...program],
      args: ['--workers', '2'],
      settings: own,
      socket: '/nonexistent/s',
      fd,
    })
    renameSync(`${socket}.new`, socket) // so that closing it here leaves the name there
    server.close()
    await onescand.logged(/serving/)
    await onescand.logged(new RegExp(`qmail unix:${socket}.new: scans with eicar`))
    const heard = await Promise.all(Array.from({ length: 10 }, () => ask(socket, question)))
    for (const { types } of heard) t.equal(types, 'Aa')
    onescand.child.kill('SIGTERM')
    t.equal(await onescand.ended, 0)
    t.ok(statSync(socket).isSocket(), 'the socket is not its own to remove')
  })
}

for (const { name, program } of runtimes) {
  t.test(`onescand notifies systemd when it serves, lives and ends, ${name}`, async (t) => {
    const systemd = await systemdEar(t)
    const settings = { ...own, NOTIFY_SOCKET: systemd.path, WATCHDOG_USEC: '500000' }
    const onescand = runOnescand(t, { program, settings, args: ['--workers', '2'] })
    await systemd.hear(/READY=1.*WATCHDOG=1.*WATCHDOG=1/s)
    t.equal((await onescand.ask(question)).does, 'hand on')
    onescand.child.kill('SIGTERM')
    await systemd.hear(/STOPPING=1/)
    t.equal(await onescand.ended, 0)
    t.equal(systemd.received().match(/READY=1/g)?.length, 1, 'once, not by each worker')
  })
}

t.test('the manual page has the options of onescand, and no others', async (t) => {
  const page = readFileSync(join(import.meta.dirname, '../../../man/onescand.8'), 'latin1')
  const items = [...page.matchAll(/^\.It Fl -.*/gm)].join('\n')
  const documented = [...items.matchAll(/(?:Fl|,) -([a-z-]+)/g)].map(([, name]) => name)
  const file = join(import.meta.dirname, '../../../src/scanner/options/daemon-options.ts')
  const source = readFileSync(file, 'latin1')
  const read = [...source.matchAll(/^ +'?([a-z-]+)'?: \{ type/gm)].map(([, name]) => name)
  const internal = ['running', 'json', 'worker'] // onescan check and onescand itself give these
  t.same(documented.sort(), read.filter((name) => !internal.includes(name!)).sort())
})
