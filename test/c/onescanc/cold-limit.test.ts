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
import { basename, join } from 'node:path'
import t from 'tap'
import { runSlot } from '../../doors/slot/slot.ts'
import { lacks } from '../../needs.mjs'
import { outputOf, until } from '../../run/until.ts'
import { standInQueue } from '../../stand-in/stand-in.ts'
import { coldPrograms, lockFiles, missing, onescanc, sanitized } from './client.ts'

/** The limit of cold programs that an account runs at a time. */

const { directory, queue: real } = coldPrograms(t)

/** A cold program that runs until the file `go` is there. `log` shows how many ran at a time. */
function cold(name: string, place = directory) {
  const [program, log, go] = [name, `${name}.log`, `${name}.go`].map((file) => join(place, file))
  const lines = [
    '#!/bin/sh',
    `echo begin >>'${log}'`,
    `while ! test -e '${go}'; do sleep 0.02; done`,
    `echo end >>'${log}'`,
    place === directory ? `exec '${standInQueue()}'` : 'exit 0', // no queue is seen from elsewhere
  ]
  writeFileSync(program!, `${lines.join('\n')}\n`, { mode: 0o755 })
  const events = () => (existsSync(log!) ? readFileSync(log!, 'latin1').trim().split('\n') : [])
  return {
    program: program!,
    begun: () => events().filter((event) => event === 'begin').length,
    most() {
      let now = 0
      return Math.max(...events().map((event) => (now += event === 'begin' ? 1 : -1)))
    },
    release: () => writeFileSync(go!, ''),
  }
}

const send = (
  program: string,
  max: string | undefined,
  wait?: string,
  client: readonly string[] = [onescanc],
) =>
  runSlot({
    program: client,
    settings: {
      QHPSI: 'plugin: eicar',
      ONESCAN_SOCKET: join(directory, 'nobody'),
      ONESCAN_COLD: program,
      ...(max !== undefined && { ONESCAN_COLD_MAX: max }),
      ...(wait !== undefined && { ONESCAN_COLD_WAIT: wait }),
    },
  })

t.test('programs above the limit wait, and all are served', { skip: missing }, async (t) => {
  for (const client of [onescanc, sanitized]) {
    const queue = cold(`bounded-${client === onescanc}`)
    const runs = Array.from({ length: 12 }, () => send(queue.program, '3', '60', [client]))
    await until(() => queue.begun() >= 3, '3 have begun')
    queue.release()
    for (const { code, deliveries, logged } of await Promise.all(runs)) {
      t.equal(code, 0, logged)
      t.equal(deliveries.length, 1)
    }
    t.equal(queue.begun(), 12)
    t.equal(queue.most(), 3, 'at most three at once')
  }
})

// promise: client-cold
t.test('who has waited too long defers its mail, and logs a line', { skip: missing }, async (t) => {
  const queue = cold('full')
  const first = Array.from({ length: 2 }, () => send(queue.program, '2'))
  await until(() => queue.begun() >= 2, '2 have begun')
  for (const wait of ['0', '1']) {
    const { code, logged, deliveries } = await send(queue.program, '2', wait)
    t.equal(code, 71)
    t.equal(deliveries.length, 0)
    const why = `2 cold programs run, and none ended in ${wait} seconds (ONESCAN_COLD_MAX, ONESCAN_COLD_WAIT)`
    t.match(logged, `decision=defer fault=out-of-memory reason="${why}" exit=71`)
  }
  queue.release()
  for (const { code } of await Promise.all(first)) t.equal(code, 0)
  t.equal(
    (await send(queue.program, '2', '0')).code,
    0,
    'a place is free when its holder has ended',
  )
})

t.test('a cold program that is killed frees its place', { skip: missing }, async (t) => {
  const program = join(directory, 'dies')
  writeFileSync(program, '#!/bin/sh\nkill -9 $$\n', { mode: 0o755 })
  for (let n = 0; n < 3; n++) t.equal((await send(program, '1', '0')).signal, 'SIGKILL')
})

t.test('the real cold program frees its place, too', { skip: missing }, async (t) => {
  const runs = await Promise.all(Array.from({ length: 6 }, () => send(real, '2', '60')))
  for (const { code, text } of runs) {
    t.equal(code, 0)
    t.match(text, /^X-QHPSI: clean\n/)
  }
  t.equal((await send(real, '1', '0')).code, 0)
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

t.test('nobody who can read the program can keep others from it', { skip: missing }, async (t) => {
  const queue = cold('locked')
  const letGo = await hold(queue.program)
  queue.release()
  const { code, logged } = await send(queue.program, '1', '0')
  t.equal(code, 0, logged)
  await letGo()
})

// promise: client-cold
t.test('the limit holds when some have ended, and some again', { skip: missing }, async (t) => {
  for (const max of [2, 4]) {
    const program = join(directory, `generations-${max}`)
    // Each runs until its own file is removed.
    const lines = `here='${program}'-$$; : >"$here"; while test -e "$here"; do sleep 0.02; done`
    writeFileSync(program, `#!/bin/sh\n${lines}\nexec '${standInQueue()}'\n`, { mode: 0o755 })
    const running = () =>
      readdirSync(directory).filter((name) => name.startsWith(`generations-${max}-`))
    const runs = Array.from({ length: 5 * max }, () => send(program, String(max)))
    for (let ended = 0; ended < runs.length; ended++) {
      const most = Math.min(max, runs.length - ended)
      await until(() => running().length >= most, `${most} run`)
      if (most === max) t.equal((await send(program, String(max), '0')).code, 71)
      t.equal(running().length, most, `${ended} have ended`)
      rmSync(join(directory, running()[ended % most]!))
    }
    for (const { code, logged } of await Promise.all(runs)) t.equal(code, 0, logged)
  }
})

t.test('the limit holds with few descriptors', { skip: missing }, async (t) => {
  for (const descriptors of [12, 64, 100]) {
    const queue = cold(`with-${descriptors}`)
    const few = ['/bin/sh', '-c', `ulimit -n ${descriptors} && exec "$0"`, onescanc]
    const first = send(queue.program, '1', '60', few)
    await until(() => queue.begun() === 1, 'it has begun')
    t.equal((await send(queue.program, '1', '0', few)).code, 71, String(descriptors))
    queue.release()
    t.equal((await first).code, 0)
  }
})

t.test('what a cold program leaves behind holds no place', { skip: missing }, async (t) => {
  const [program, left] = [join(directory, 'leaves'), join(directory, 'left')]
  const lines = `sleep 3600 >/dev/null 2>&1 &\necho $! >>'${left}'\nexec '${standInQueue()}'`
  writeFileSync(program, `#!/bin/sh\n${lines}\n`, { mode: 0o755 })
  for (let n = 0; n < 2; n++) t.equal((await send(program, '1', '0')).code, 0)
  for (const pid of readFileSync(left, 'latin1').trim().split('\n')) process.kill(Number(pid))
})

/** Another account has taken names for files of locks in a directory that nobody else can list. */
const others = { skip: missing || lacks('root') }

/** Elsewhere than in /dev/shm, where tests have their temporary files. */
const elsewhere = mkdtempSync('/var/tmp/onescan-crowd-')
t.teardown(() => rmSync(elsewhere, { recursive: true }))

/** The client with that directory as /dev/shm, without the rights of root. */
function among(squatted: (files: readonly string[]) => readonly string[], program: string) {
  const shm = join(elsewhere, `${basename(program)}.shm`)
  mkdirSync(shm)
  const files = lockFiles(program).map((file) => join(shm, basename(file)))
  for (const file of squatted(files)) writeFileSync(file, '', { mode: 0o666 })
  for (const file of [...squatted(files), shm]) chownSync(file, 65_534, 65_534)
  chmodSync(shm, 0o1733)
  const enter =
    'mount --bind "$1" /dev/shm && exec setpriv --inh-caps=-all --bounding-set=-all "$2"'
  const client = ['/usr/bin/unshare', '--mount', '/bin/sh', '-c', enter, 'sh', shm, onescanc]
  return { files, client }
}

// promise: others-unharmed
t.test("another account's files make nobody wait, however many", others, async (t) => {
  const queue = cold('squatted', elsewhere)
  const { files, client } = among((files) => files.slice(0, 2), queue.program)
  const letGo = await hold(files[0]!)
  const [first, second] = [1, 2].map(() => send(queue.program, '2', '60', client))
  await until(() => queue.begun() >= 2, '2 have begun')
  rmSync(files[0]!)
  t.equal((await send(queue.program, '2', '0', client)).code, 71, 'both locks are taken')
  t.notOk(existsSync(files[0]!))
  queue.release()
  for (const { code, logged } of await Promise.all([first!, second!])) t.equal(code, 0, logged)
  await letGo()
})

t.test('the log says that there is no limit', others, async (t) => {
  const queue = cold('taken', elsewhere)
  queue.release()
  const { client } = among((files) => files, queue.program)
  const { code, logged } = await send(queue.program, '1', '0', client)
  t.equal(code, 0)
  t.match(logged, /decision=cold reason=".*; without the limit of ONESCAN_COLD_MAX/)
})

t.test('ONESCAN_COLD_MAX=0 sets no limit, and nonsense is told', { skip: missing }, async (t) => {
  const queue = cold('free')
  const runs = Array.from({ length: 12 }, () => send(queue.program, '0'))
  await until(() => queue.begun() >= 12, '12 have begun')
  queue.release()
  for (const { code } of await Promise.all(runs)) t.equal(code, 0)
  for (const [max, wait] of [
    ['many', undefined],
    ['1001', undefined],
    [undefined, '-1'],
    [undefined, '601'],
  ] as const) {
    const { code, logged } = await send(queue.program, max, wait)
    t.equal(code, 55)
    t.match(logged, /ONESCAN_COLD_(MAX|WAIT) \S+: must be a number from 0 to/)
  }
})
