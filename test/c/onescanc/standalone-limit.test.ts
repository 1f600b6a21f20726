import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { cpus } from 'node:os'
import { basename, dirname, join } from 'node:path'
import t from 'tap'
import { lacks } from '../../needs.mjs'
import { outputOf, until } from '../../run/until.ts'
import { runSlot } from '../../scanner/doors/slot/slot.ts'
import { standInQueue } from '../../stand-in/stand-in.ts'
import {
  beside,
  lockFiles,
  makeStandalone,
  missing,
  sanitized,
  standalonePrograms,
} from './client.ts'

/** The limit of standalone programs that an account runs at a time. */

const { directory, queue: real } = standalonePrograms(t)

/** Programs that an account runs at once. */
const MOST = Math.max(4, 2 * cpus().length)
const below = (count: number) => Array.from({ length: count })

/** A standalone program that runs until the file `go` is there. `log` shows how many ran at a time. */
function standalone(name: string, place = directory) {
  const [log, go] = ['log', 'go'].map((file) => join(place, name, file))
  const lines = [
    `echo begin >>'${log}'`,
    `while ! test -e '${go}'; do sleep 0.02; done`,
    `echo end >>'${log}'`,
    place === directory ? `exec '${standInQueue()}'` : 'exit 0', // no queue is seen from elsewhere
  ]
  const program = makeStandalone(join(place, name), lines.join('\n'))
  const events = () => (existsSync(log!) ? readFileSync(log!, 'latin1').trim().split('\n') : [])
  return {
    program,
    begun: () => events().filter((event) => event === 'begin').length,
    most() {
      let now = 0
      return Math.max(...events().map((event) => (now += event === 'begin' ? 1 : -1)))
    },
    release: () => writeFileSync(go!, ''),
  }
}

const run = (...client: readonly string[]) =>
  runSlot({
    program: client,
    settings: { QHPSI: 'plugin: eicar', ONESCAN_SOCKET: join(directory, 'nobody') },
  })

/** Sends a message by a client that waits a minute for a standalone program to end. */
const send = (program: string) => run(beside(program))

/** Sends a message by a client that waits a second. */
const sendNow = (program: string) => run(beside(program, sanitized))

t.test('programs above the limit wait, and all are served', { skip: missing }, async (t) => {
  const queue = standalone('bounded')
  const runs = below(3 * MOST).map(() => send(queue.program))
  await until(() => queue.begun() >= MOST, `${MOST} have begun`)
  queue.release()
  for (const { code, deliveries, logged } of await Promise.all(runs)) {
    t.equal(code, 0, logged)
    t.equal(deliveries.length, 1)
  }
  t.equal(queue.begun(), 3 * MOST)
  t.equal(queue.most(), MOST, 'no more at once')
})

// promise: client-standalone
t.test(
  'a client that waits too long for a slot defers its mail and logs a line',
  { skip: missing },
  async (t) => {
    const queue = standalone('full')
    const first = below(MOST).map(() => send(queue.program))
    await until(() => queue.begun() >= MOST, `${MOST} have begun`)
    const { code, logged, deliveries } = await sendNow(queue.program)
    t.equal(code, 71)
    t.equal(deliveries.length, 0)
    const why = `${MOST} standalone programs are running, and none exited within 1 seconds`
    t.match(logged, `decision=defer fault=out-of-memory reason="${why}" exit=71`)
    queue.release()
    for (const { code } of await Promise.all(first)) t.equal(code, 0)
    t.equal((await sendNow(queue.program)).code, 0, 'a place is free when its holder has ended')
  },
)

t.test('a standalone program that is killed frees its place', { skip: missing }, async (t) => {
  const program = makeStandalone(join(directory, 'dies'), 'kill -9 $$')
  for (let n = 0; n <= MOST; n++) t.equal((await sendNow(program)).signal, 'SIGKILL')
})

t.test('the real standalone program frees its place, too', { skip: missing }, async (t) => {
  const runs = await Promise.all(below(MOST + 2).map(() => send(real)))
  for (const { code, text } of runs) {
    t.equal(code, 0)
    t.match(text, /^X-QHPSI: clean\n/)
  }
  for (const { code } of await Promise.all(below(MOST).map(() => sendNow(real)))) t.equal(code, 0)
})

/** Has another process lock a file (flock(1)). Resolves, once it has the lock, to what ends it. */
async function hold(file: string): Promise<() => Promise<unknown>> {
  // Not by its name: flock would open it with O_CREAT, which a host with fs.protected_regular
  // forbids for another account's file in /dev/shm.
  const script = 'exec 9<"$0" && flock --exclusive 9 && echo held && exec cat'
  const holder = spawn('/bin/sh', ['-c', script, file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(holder, 'exit')
  await outputOf(holder)
  return () => {
    holder.stdin.end()
    return ended
  }
}

t.test(
  'a user who can read the program cannot block it for others',
  { skip: missing },
  async (t) => {
    const queue = standalone('locked')
    const letGo = await hold(queue.program)
    queue.release()
    const { code, logged } = await sendNow(queue.program)
    t.equal(code, 0, logged)
    await letGo()
  },
)

// promise: client-standalone
t.test('the limit holds when some have ended, and some again', { skip: missing }, async (t) => {
  const files = t.testdir()
  // Each runs until its own file is removed.
  const lines = `here='${files}/'$$; : >"$here"; while test -e "$here"; do sleep 0.02; done`
  const program = makeStandalone(
    join(directory, 'generations'),
    `${lines}\nexec '${standInQueue()}'`,
  )
  const running = () => readdirSync(files)
  const runs = below(2 * MOST).map(() => send(program))
  for (let ended = 0; ended < runs.length; ended++) {
    const most = Math.min(MOST, runs.length - ended)
    await until(() => running().length >= most, `${most} run`)
    if (most === MOST) t.equal((await sendNow(program)).code, 71)
    t.equal(running().length, most, `${ended} have ended`)
    rmSync(join(files, running()[ended % most]!))
  }
  for (const { code, logged } of await Promise.all(runs)) t.equal(code, 0, logged)
})

t.test('the limit holds with few descriptors', { skip: missing }, async (t) => {
  for (const descriptors of [12, 64, 100]) {
    const queue = standalone(`with-${descriptors}`)
    const few = ['/bin/sh', '-c', `ulimit -n ${descriptors} && exec "$0"`]
    const first = below(MOST).map(() => run(...few, beside(queue.program)))
    await until(() => queue.begun() === MOST, 'all have begun')
    t.equal((await run(...few, beside(queue.program, sanitized))).code, 71, String(descriptors))
    queue.release()
    for (const { code, logged } of await Promise.all(first)) t.equal(code, 0, logged)
  }
})

t.test('a child of a standalone program holds no slot', { skip: missing }, async (t) => {
  const left = join(t.testdir(), 'left')
  const lines = `sleep 3600 >/dev/null 2>&1 &\necho $! >>'${left}'\nexec '${standInQueue()}'`
  const program = makeStandalone(join(directory, 'leaves'), lines)
  for (let n = 0; n <= MOST; n++) t.equal((await sendNow(program)).code, 0)
  for (const pid of readFileSync(left, 'latin1').trim().split('\n')) process.kill(Number(pid))
})

/** Another account has taken names for files of locks in a directory that nobody else can list. */
const others = { skip: missing || lacks('root') }

/** Elsewhere than in /dev/shm, where tests have their temporary files. */
const elsewhere = mkdtempSync('/var/tmp/onescan-crowd-')
t.teardown(() => rmSync(elsewhere, { recursive: true }))

/** The client with that directory as /dev/shm, without the rights of root. */
function among(squatted: (files: readonly string[]) => readonly string[], program: string) {
  const shm = join(dirname(program), 'shm')
  mkdirSync(shm)
  const files = lockFiles(program).map((file) => join(shm, basename(file)))
  for (const file of squatted(files)) writeFileSync(file, '', { mode: 0o666 })
  for (const file of [...squatted(files), shm]) chownSync(file, 65_534, 65_534)
  chmodSync(shm, 0o1733)
  const enter =
    'mount --bind "$1" /dev/shm && exec setpriv --inh-caps=-all --bounding-set=-all "$2"'
  const within = ['/usr/bin/unshare', '--mount', '/bin/sh', '-c', enter, 'sh', shm]
  return { files, within }
}

// promise: others-unharmed
t.test('files of another account cause no delay, whatever their number', others, async (t) => {
  const queue = standalone('squatted', elsewhere)
  const { files, within } = among((files) => files.slice(0, 2), queue.program)
  const letGo = await hold(files[0]!)
  const first = below(MOST).map(() => run(...within, beside(queue.program)))
  await until(() => queue.begun() >= MOST, `${MOST} have begun`)
  rmSync(files[0]!)
  const late = await run(...within, beside(queue.program, sanitized))
  t.equal(late.code, 71, 'all locks are taken')
  t.notOk(existsSync(files[0]!))
  queue.release()
  for (const { code, logged } of await Promise.all(first)) t.equal(code, 0, logged)
  await letGo()
})

t.test('the log reports that there is no limit', others, async (t) => {
  const queue = standalone('taken', elsewhere)
  queue.release()
  const { within } = among((files) => files, queue.program)
  const { code, logged } = await run(...within, beside(queue.program))
  t.equal(code, 0)
  t.match(logged, /decision=standalone reason=".*; standalone programs are not limited/)
})
