import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runSlot } from '../../doors/slot/slot.ts'
import { until } from '../../run/until.ts'
import { standInQueue } from '../../stand-in/stand-in.ts'
import { coldPrograms, missing, onescanc, sanitized } from './client.ts'

/** The limit of cold programs that an account runs at a time. */

const { directory, queue: real } = coldPrograms(t)

/** A cold program that runs until the file `go` is there. `log` shows how many ran at a time. */
function cold(name: string) {
  const [program, log, go] = [name, `${name}.log`, `${name}.go`].map((file) =>
    join(directory, file),
  )
  const lines = [
    '#!/bin/sh',
    `echo begin >>'${log}'`,
    `while ! test -e '${go}'; do sleep 0.02; done`,
    `echo end >>'${log}'`,
    `exec '${standInQueue()}'`,
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

const send = (program: string, max: string | undefined, wait?: string, client = onescanc) =>
  runSlot({
    program: [client],
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
    const runs = Array.from({ length: 12 }, () => send(queue.program, '3', '60', client))
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
  await once(holder.stdout, 'data')
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

t.test('a cold program that is replaced leaves no file of places', { skip: missing }, async (t) => {
  const fileOf = (program: string) => {
    const { dev, ino } = statSync(program)
    return `/dev/shm/onescan-places-${process.getuid!()}-${dev}-${ino}`
  }
  const idle = cold('idle')
  idle.release()
  t.equal((await send(idle.program, '1', '0')).code, 0)
  const busy = cold('busy')
  const running = send(busy.program, '1')
  await until(() => busy.begun() >= 1, 'it has begun')
  t.notOk(existsSync(fileOf(idle.program)), 'nobody runs it')
  const next = cold('next')
  next.release()
  t.equal((await send(next.program, '1', '0')).code, 0)
  t.ok(existsSync(fileOf(busy.program)), 'somebody runs it')
  t.equal((await send(busy.program, '1', '0')).code, 71, 'and its limit holds')
  busy.release()
  t.equal((await running).code, 0)
})

t.test('the limit holds while files of places are removed', { skip: missing }, async (t) => {
  const queue = cold('many')
  const runs = Array.from({ length: 12 }, () => send(queue.program, '2'))
  const others = Array.from({ length: 12 }, async (_, count) => {
    const other = cold(`other-${count}`)
    other.release()
    return send(other.program, '2')
  })
  queue.release()
  for (const { code, logged } of await Promise.all([...runs, ...others])) t.equal(code, 0, logged)
  t.equal(queue.begun(), 12)
  t.ok(queue.most() <= 2, 'at most two at once')
})

t.test(
  "another account's file of places makes nobody wait",
  { skip: missing || process.getuid?.() !== 0 },
  async (t) => {
    const queue = cold('squatted')
    const { dev, ino } = statSync(queue.program)
    const file = `/dev/shm/onescan-places-0-${dev}-${ino}`
    writeFileSync(file, '')
    t.teardown(() => rmSync(file, { force: true }))
    chmodSync(file, 0o666)
    chownSync(file, 65_534, 65_534)
    const letGo = await hold(file)
    const [first, second] = [send(queue.program, '2'), send(queue.program, '2')]
    await until(() => queue.begun() >= 2, '2 have begun')
    t.equal((await send(queue.program, '2', '0')).code, 71, 'both places are taken')
    queue.release()
    for (const { code, logged } of await Promise.all([first, second])) t.equal(code, 0, logged)
    t.equal((await send(queue.program, '1', '0')).code, 0)
    await letGo()
  },
)

t.test('ONESCAN_COLD_MAX=0 sets no limit, and nonsense is told', { skip: missing }, async (t) => {
  const queue = cold('free')
  const runs = Array.from({ length: 12 }, () => send(queue.program, '0'))
  await until(() => queue.begun() >= 12, '12 have begun')
  queue.release()
  for (const { code } of await Promise.all(runs)) t.equal(code, 0)
  for (const [max, wait] of [
    ['many', undefined],
    ['10001', undefined],
    [undefined, '-1'],
    [undefined, '601'],
  ] as const) {
    const { code, logged } = await send(queue.program, max, wait)
    t.equal(code, 55)
    t.match(logged, /ONESCAN_COLD_(MAX|WAIT) \S+: must be a number from 0 to/)
  }
})
