import { once } from 'node:events'
import t from 'tap'
import { HeartbeatWatch, HUNG_AFTER } from '../../../../src/scanner/daemon/workers/hung-workers.ts'
import { freePort } from '../../../programs/host/free-port.ts'
import { until } from '../../../run/until.ts'
import { type Asked, numbered, standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { get } from '../http/rig.ts'
import { childrenOf, startOnescand } from '../process.ts'

const LATE_AFTER = 3_000

/** How onescand finds workers that hang, that is, are stuck in a loop or stopped. */

const SECOND = 1000
const WORKER = 7

/** A watch over one worker, by a clock and with a process status that the test sets. */
function watch(stat: (seconds: number) => { state: string; used: number } | undefined) {
  let now = 0
  const hung: string[] = []
  const heartbeats = new HeartbeatWatch({
    uptime: () => now,
    stat: () => stat(now / SECOND),
    onHung: (worker, how) => hung.push(`${worker} ${how}`),
  })
  heartbeats.beat(WORKER)
  return {
    hung,
    heartbeats,
    /** The worker sends nothing for this many seconds. */
    pass(seconds: number) {
      for (let n = 0; n < seconds; n++) {
        now += SECOND
        heartbeats.poll()
      }
    },
    sleep(seconds: number) {
      now += seconds * SECOND
    },
  }
}

t.test(
  'a silent worker that is stopped, or runs all the time, hangs after five seconds',
  async (t) => {
    for (const [stat, how] of [
      [() => ({ state: 'T', used: 0 }), '7 stopped'],
      [(at: number) => ({ state: 'R', used: at * SECOND }), '7 busy for 3 s of CPU time'],
    ] as const) {
      const { hung, pass, heartbeats } = watch(stat)
      pass(HUNG_AFTER / SECOND - 1)
      t.same(hung, [])
      t.same(heartbeats.late(), [WORKER])
      pass(1)
      t.same(hung, [how])
      pass(5)
      t.same(hung, [how], 'it is reported once')
      heartbeats.forget(WORKER)
      t.same(heartbeats.late(), [])
    }
  },
)

t.test(
  'a silent worker that waits for the processor hangs only if it has run for two seconds',
  async (t) => {
    const { hung, pass, heartbeats } = watch((at) => ({ state: 'R', used: at * 50 }))
    pass(15)
    t.same(hung, [])
    heartbeats.beat(WORKER)
    pass(2)
    t.same(heartbeats.late(), [])
    t.same(hung, [])
    pass(30)
    t.same(hung, [], 'it is starved')
    pass(30)
    t.same(hung, ['7 busy for 2 s of CPU time'], 'a loop that is starved')
    const asleep = watch(() => ({ state: 'S', used: 0 }))
    asleep.pass(30)
    t.same(asleep.hung, ['7 silent'])
    const traced = watch(() => ({ state: 't', used: 0 }))
    traced.pass(15)
    t.same(traced.hung, [], 'a tracer stops its process at each call, for a moment')
    const hidden = watch(() => undefined)
    hidden.pass(30)
    t.same(hidden.hung, ['7 silent'])
  },
)

t.test(
  'if the watch itself was away, no worker is late before it could send a heartbeat',
  async (t) => {
    const { hung, pass, sleep, heartbeats } = watch(() => ({ state: 'T', used: 0 }))
    sleep(3600)
    pass(1)
    t.same(hung, [])
    t.same(heartbeats.late(), [])
    pass(LATE_AFTER / SECOND + 1)
    t.same(heartbeats.late(), [WORKER])
  },
)

t.test('a watch that is blocked while it ends a worker ends no other worker', async (t) => {
  const OTHER = WORKER + 1
  let now = 0
  const hung: number[] = []
  const watch = new HeartbeatWatch({
    uptime: () => now,
    stat: (worker) => ({ state: worker === WORKER ? 'T' : 'S', used: 0 }),
    onHung(worker) {
      hung.push(worker)
      now += 60 * SECOND // a log that takes nothing
    },
  })
  t.teardown(() => watch.close())
  watch.beat(WORKER)
  watch.beat(OTHER)
  for (now += SECOND; hung.length === 0; now += SECOND) {
    watch.beat(OTHER)
    watch.poll()
  }
  watch.poll()
  t.same(hung, [WORKER])
})

// promise: others-unharmed
t.test('a message that was alone when three workers died is left alone', async (t) => {
  const waiting = new Map<string, Asked>()
  const clamd = await standIn(
    t,
    (asked) => {
      const [word] = /(?:killer|bystander)\b/.exec(asked.message.toString()) ?? []
      if (word === undefined) return numbered('stream: OK')(asked)
      waiting.set(word, asked)
      inProgress.dispatchEvent(new Event(word))
    },
    { version: () => 'ClamAV 1.4.3' },
  )
  const inProgress = new EventTarget()
  const port = await freePort()
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' }
  const onescand = await startOnescand(t, { settings, args: ['--http', `inet:127.0.0.1:${port}`] })
  const ask = (body: string) => {
    const message = Buffer.from(`From: a@example.org\n\n${body}\n`)
    return onescand.ask({ variables: { QHPSI: settings.QHPSI }, message, timeLeft: 150_000 })
  }
  /** Ends the only worker by this signal while it has these messages in hand. */
  const end = async (signal: NodeJS.Signals, ...bodies: string[]) => {
    const [worker] = childrenOf(onescand.pid)
    const begun = bodies.map((body) => once(inProgress, body))
    const asked = bodies.map(ask)
    await Promise.all(begun)
    process.kill(worker!, signal)
    for (const { status } of await Promise.allSettled(asked)) t.equal(status, 'rejected')
    const what = bodies.length === 1 ? 'a message' : `${bodies.length} messages`
    await onescand.logged(new RegExp(`worker ${worker} had ${what} in progress`))
    await until(
      () => childrenOf(onescand.pid),
      'another worker takes its place',
      ([now]) => now !== undefined && now !== worker,
    )
    return worker
  }
  const hung = await end('SIGSTOP', 'killer', 'bystander')
  await onescand.logged(new RegExp(`worker ${hung} has been silent for 5 s \\(stopped\\)`))
  await end('SIGKILL', 'killer')
  const begun = once(inProgress, 'bystander')
  const again = ask('bystander')
  await begun
  numbered('stream: OK')(waiting.get('bystander')!)
  t.match(await again, { does: 'hand on' }, 'it was not alone at that death')
  await end('SIGKILL', 'killer')
  await end('SIGKILL', 'killer')
  const { does, code, log } = await ask('killer')
  t.match({ does, code }, { does: 'end', code: 71 })
  t.match(log, /cause=poison .*reason="scanners crashed 3 times/)
  t.match(await ask('other mail'), { does: 'hand on' })
  const { text } = await get(port, '/metrics')
  t.match(text, 'onescan_workers_replaced_total{reason="hung"} 1')
  t.match(text, 'onescan_workers_replaced_total{reason="ended"} 3')
  t.match(text, /^onescan_unanswered_total 5$/m)
})

// promise: others-unharmed
t.test('only the message that kills a worker alone is blocked', async (t) => {
  const INNOCENT = 6
  let kills = 0
  let waiting: Asked[] = []
  /** The worker is killed when it has the poison; the first time when it has all the others, too. */
  const clamd = await standIn(
    t,
    (asked) => {
      if (!/^(?:text \d|poison)$/m.test(asked.message.toString())) {
        return numbered('stream: OK')(asked) // a probe of onescand's own
      }
      waiting.push(asked)
      if (kills === 0 && waiting.length <= INNOCENT) return
      const isPoison = waiting.some(({ message }) => message.includes('poison'))
      if (kills > 0) t.equal(waiting.length, 1, 'alone')
      if (isPoison) {
        kills++
        process.kill(childrenOf(onescand.pid)[0]!, 'SIGKILL')
      } else numbered('stream: OK')(asked)
      waiting = []
    },
    { version: () => 'ClamAV 1.4.3' },
  )
  const settings = {
    ...{ QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' },
    SECONDLOOK: 'never',
  }
  const onescand = await startOnescand(t, { settings })
  /** Asks until there is an answer, as clients do whose daemon died. */
  const ask = async (body: string) => {
    const message = Buffer.from(`From: a@example.org\n\n${body}\n`)
    const variables = { QHPSI: settings.QHPSI, SECONDLOOK: 'never' }
    while (true) {
      const request = onescand.ask({ variables, message, timeLeft: 30_000 })
      const answer = await request.catch(() => undefined)
      if (answer !== undefined) return answer
    }
  }
  const innocent = Array.from({ length: INNOCENT }, (_, n) => `text ${n}`)
  const [poison, ...others] = await Promise.all(['poison', ...innocent].map(ask))
  t.match(poison?.log, /cause=poison/)
  t.same(new Set(others.map(({ does }) => does)), new Set(['hand on']))
  t.equal(kills, 4, 'once with the others, and three times alone')
})
