import { execFileSync } from 'node:child_process'
import {
  chownSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { attempt } from '../../../src/base/errors/fault.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { freePort } from '../../programs/host/free-port.ts'
import { cannotHang, mountHanging } from '../../programs/host/hanging-mount.ts'
import { openDirectory, reachable } from '../../programs/host/reachable.ts'
import { startReceiver } from '../../programs/servers/smtp-receiver.ts'
import { sendMail } from '../../programs/servers/smtp-session.ts'
import { until } from '../../run/until.ts'
import { childrenOf, quickest, runOnescand, startOnescand } from './process.ts'

/** A path that the site names stands still, as a directory of a dead NFS server does: other mail goes on. */

/** A proxy before a server that takes all mail, and what sends mail to it. */
async function proxy(t: Test, settings: Readonly<Record<string, string>>, start = startOnescand) {
  const receiver = await startReceiver(t)
  const port = await freePort()
  const onescand = await start(t, {
    program: quickest.map(reachable),
    ...(process.getuid!() === 0 && { uid: SERVICE }), // for root each name on the way is looked at, which waits
    settings: { QHPSI: 'plugin: eicar', ...settings },
    args: ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${receiver.port}`],
  })
  let count = 0
  const send = async (text: string, from = 'a@example.org') => {
    const message = Buffer.from(`From: a@example.org\nSubject: ${count++}\n\n${text}\n`)
    return (await sendMail(port, { from, to: ['b@example.org'], message })).data
  }
  return { onescand, send }
}

const accepted = /^250/
const hangs = { skip: cannotHang }
const SERVICE = 54_321

/** A directory of the service's own. */
function ownDirectory(t: Test): string {
  const directory = join(openDirectory(t), 'own')
  mkdirSync(directory, { mode: 0o700 })
  if (process.getuid!() === 0) chownSync(directory, SERVICE, SERVICE)
  return directory
}

interface Place {
  /** What of a directory does not answer. */
  readonly blocks: 'lookup' | 'opendir'
  /** The settings that name the directory, or a path in it. */
  readonly settings: (directory: string) => Readonly<Record<string, string>>
}

const places: Readonly<Record<string, Place>> = {
  LOGFILE: { blocks: 'lookup', settings: (own) => ({ LOGFILE: join(own, 'onescan.log') }) },
  CONTROLDIR: { blocks: 'lookup', settings: (own) => ({ CONTROLDIR: own }) },
  CLAMDBDIR: {
    blocks: 'opendir',
    settings: (own) => {
      const CLUSTERKEYS = join(own, '..', 'ring')
      writeFileSync(CLUSTERKEYS, 'sesame\n', { mode: 0o600 })
      if (process.getuid!() === 0) chownSync(CLUSTERKEYS, SERVICE, SERVICE)
      return { CLAMDBDIR: own, CLUSTERKEYS }
    },
  },
}

for (const [name, { blocks, settings }] of Object.entries(places)) {
  t.test(`clean mail is answered while ${name} blocks`, hangs, async (t) => {
    const directory = ownDirectory(t)
    const { onescand, send } = await proxy(t, { REJECTVIRUS: '1', ...settings(directory) })
    t.match(await send('before'), accepted)
    const [worker] = childrenOf(onescand.pid)
    const mount = await mountHanging(t, directory, blocks)
    for (let n = 0; n < 20; n++) t.match(await send('meanwhile'), accepted)
    t.match(await send(EICAR), /^[45]/, 'and scanned')
    // A directory is looked at once a second at most, and 21 messages may take less.
    while (mount.asked() === 0) t.match(await send('meanwhile'), accepted)
    t.equal(mount.asked(), 1, 'one thread waits for it')
    t.same(childrenOf(onescand.pid), [worker], 'and no worker was ended')
  })
}

t.test('clean mail is answered while QUARANTINE blocks', hangs, async (t) => {
  const directory = ownDirectory(t)
  const { onescand, send } = await proxy(t, { QUARANTINE: directory })
  const [worker] = childrenOf(onescand.pid)
  const mount = await mountHanging(t, directory, 'lookup', 'getattr')
  const infected = Array.from({ length: 12 }, () => send(EICAR))
  await mount.untilAsked(1)
  for (let n = 0; n < 20; n++) t.match(await send('meanwhile'), accepted)
  for (const reply of await Promise.all(infected)) t.match(reply, /^4/, 'infected mail is deferred')
  t.match(await send(EICAR), /^4/, 'and at once now')
  t.match(await send('after'), accepted)
  t.same(childrenOf(onescand.pid), [worker])
})

/** Scanners that are in a directory: QHPSI, and the settings that name the directory. */
const scannersIn: Readonly<
  Record<string, (own: string) => { readonly QHPSI: string; readonly settings?: object }>
> = {
  PLUGINDIR: (own) => {
    writeFileSync(join(own, 'own.cjs'), 'exports.virusscan = () => ({ clean: true })')
    return { QHPSI: 'plugin: own.cjs', settings: { PLUGINDIR: own } }
  },
  'the directory of CLAMD': (own) => ({
    QHPSI: 'plugin: clamd',
    settings: { CLAMD: join(own, 'clamd.sock') },
  }),
  'the directory of a command': (own) => ({ QHPSI: `${join(own, 'scan')} %s` }),
  TMPDIR: (own) => ({ QHPSI: '/bin/true %s', settings: { TMPDIR: own } }),
  SPOOLDIR: (own) => ({ QHPSI: '/bin/true %s', settings: { SPOOLDIR: own } }),
}

for (const [name, scannerIn] of Object.entries(scannersIn)) {
  t.test(`mail of another scanner is answered while ${name} blocks`, hangs, async (t) => {
    const directory = ownDirectory(t)
    const { QHPSI, settings } = scannerIn(directory)
    const CONTROLDIR = join(directory, '..', 'control')
    mkdirSync(CONTROLDIR)
    writeFileSync(join(CONTROLDIR, 'onescan.policy'), `from=other@example.org QHPSI="${QHPSI}"\n`)
    const common = { REJECTVIRUS: '1', SCANTIMEOUT: '4', CONTROLDIR }
    const { onescand, send } = await proxy(t, { ...common, ...settings })
    const [worker] = childrenOf(onescand.pid)
    const mount = await mountHanging(t, directory, 'lookup')
    const waiting = Array.from({ length: 12 }, () => send('there', 'other@example.org'))
    await mount.untilAsked(1)
    for (let n = 0; n < 20; n++) t.match(await send('meanwhile'), accepted)
    for (const reply of await Promise.all(waiting)) t.match(reply, /^4/, 'deferred')
    t.match(await send('after'), accepted)
    t.ok(mount.asked() <= 5, 'few threads wait for it')
    t.same(childrenOf(onescand.pid), [worker])
  })
}

t.test('mail is answered while the log is not read', async (t) => {
  const path = join(openDirectory(t), 'log')
  execFileSync('mkfifo', [path])
  const { O_RDONLY, O_WRONLY, O_NONBLOCK } = constants
  const fd = openSync(path, 'r+')
  const reader = openSync(path, O_RDONLY | O_NONBLOCK)
  const writer = openSync(path, O_WRONLY | O_NONBLOCK)
  t.teardown(() => [fd, reader, writer].map(closeSync))
  let log = ''
  const read = () => {
    const bytes = Buffer.alloc(65_536)
    const count = attempt(() => readSync(reader, bytes)) ?? 0 // EAGAIN: it is empty
    log += bytes.toString('latin1', 0, count)
    return log
  }
  const program = ['/bin/sh', '-c', 'exec "$@" 2>&3', 'sh', ...quickest.map(reachable)]
  const { onescand, send } = await proxy(t, {}, async (t, setup) => {
    const running = runOnescand(t, { ...setup, program, fd })
    await until(() => read().includes('serving'), 'it serves')
    return running
  })
  t.match(await send('before'), accepted)
  const workers = childrenOf(onescand.pid)
  for (const piece of [4096, 1])
    while (attempt(() => writeSync(writer, Buffer.alloc(piece, '\n'))) !== undefined);
  for (let n = 0; n < 20; n++) t.match(await send('meanwhile'), accepted)
  onescand.child.kill('SIGHUP') // the first process logs, too
  const lines = () => read().match(/ decision=accept /g)?.length
  await until(lines, 'the lines of all mail', (count) => count === 21)
  t.same(childrenOf(onescand.pid), workers)
})
