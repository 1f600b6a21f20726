import t from 'tap'
import {
  BeatWatch,
  HUNG_AFTER,
  LATE_AFTER,
} from '../../../../src/doors/daemon/workers/hung-workers.ts'
import { freePort } from '../../../programs/free-port.ts'
import { type Asked, numbered, sessionStandIn } from '../../../scan/clamd/session-stand-in.ts'
import { get, until } from '../../http/rig.ts'
import { childrenOf, startOnescand } from '../process.ts'

/** How onescand finds workers that hang, that is, are stuck in a loop or stopped. */

const SECOND = 1000
const WORKER = 7

/** A watch over one worker, by a clock and with a process status that the test sets. */
function watch(stat: (seconds: number) => { state: string; used: number } | undefined) {
  let now = 0
  const hung: string[] = []
  const beats = new BeatWatch({
    uptime: () => now,
    stat: () => stat(now / SECOND),
    onHung: (worker, how) => hung.push(`${worker} ${how}`),
  })
  beats.heard(WORKER)
  return {
    hung,
    beats,
    /** The worker says nothing for so many seconds. */
    pass(seconds: number) {
      for (let n = 0; n < seconds; n++) {
        now += SECOND
        beats.poll()
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
      [() => ({ state: 't', used: 0 }), '7 stopped'],
      [(at: number) => ({ state: 'R', used: at * SECOND }), '7 busy for 3.0 s of processor time'],
    ] as const) {
      const { hung, pass, beats } = watch(stat)
      pass(HUNG_AFTER / SECOND - 1)
      t.same(hung, [])
      t.same(beats.late(), [WORKER])
      pass(1)
      t.same(hung, [how])
      pass(5)
      t.same(hung, [how], 'it is reported once')
      beats.forget(WORKER)
      t.same(beats.late(), [])
    }
  },
)

t.test(
  'a silent worker that waits for the processor hangs only after twenty seconds',
  async (t) => {
    const { hung, pass, beats } = watch((at) => ({ state: 'R', used: at * 50 }))
    pass(15)
    t.same(hung, [])
    beats.heard(WORKER)
    pass(2)
    t.same(beats.late(), [])
    t.same(hung, [])
    pass(30)
    t.same(hung, ['7 silent'], 'after twenty seconds the cause does not matter')
    const hidden = watch(() => undefined)
    hidden.pass(30)
    t.same(hidden.hung, ['7 silent'])
  },
)

t.test('if the watch itself was away, no worker is late before it could send a beat', async (t) => {
  const { hung, pass, sleep, beats } = watch(() => ({ state: 'T', used: 0 }))
  sleep(3600)
  pass(1)
  t.same(hung, [])
  t.same(beats.late(), [])
  pass(LATE_AFTER / SECOND + 1)
  t.same(beats.late(), [WORKER])
})

t.test(
  'messages that a hung worker had in hand are suspects, and innocent ones are scanned again',
  async (t) => {
    let waiting: Asked[] = []
    const clamd = await sessionStandIn(
      t,
      (asked) => {
        if (asked.message.includes('hung')) waiting.push(asked)
        else return numbered('stream: OK')(asked)
      },
      { version: () => 'ClamAV 1.4.3' },
    )
    const port = await freePort()
    const settings = {
      QHPSI: 'plugin: clamd',
      CLAMD: clamd.socket,
      CLAMDBDIR: '/nonexistent',
      POISONTRIES: '1',
    }
    const onescand = startOnescand(t, { settings, args: ['--http', `inet:127.0.0.1:${port}`] })
    await onescand.logged(/serving/)
    const variables = { QHPSI: settings.QHPSI }
    const ask = (body: string) => {
      const message = Buffer.from(`From: a@example.org\n\n${body}\n`)
      return onescand.ask({ variables, message, timeLeft: 150_000 })
    }
    /** Stops the only worker while it has these messages in hand. */
    const hang = async (...bodies: string[]) => {
      waiting = []
      const [worker] = childrenOf(onescand.pid)
      const asked = bodies.map(ask)
      while (waiting.length < bodies.length) await new Promise((done) => setTimeout(done, 5))
      process.kill(worker!, 'SIGSTOP')
      const health = until(
        () => get(port, '/healthz'),
        ({ status, text }) =>
          status === 503 && text.includes(`nothing is heard of worker ${worker}`),
      )
      const ends = await Promise.allSettled(asked)
      for (const { status } of ends) t.equal(status, 'rejected', 'it has no answer')
      await health
      await onescand.logged(
        new RegExp(`worker ${worker} has said nothing for 5 seconds \\(stopped\\)`),
      )
      await until(
        async () => childrenOf(onescand.pid),
        ([now]) => now !== undefined && now !== worker,
      )
    }

    await hang('hung, one', 'hung, two')
    await onescand.logged(/had 2 messages in hand, counted as suspects \(POISONTRIES\)/)
    for (const [index, body] of ['hung, one', 'hung, two'].entries()) {
      const again = ask(body)
      while (waiting.length < 3 + index) await new Promise((done) => setTimeout(done, 5))
      numbered('stream: OK')(waiting.at(-1)!)
      t.match(await again, { does: 'hand on' }, 'a bystander is asked about again')
    }

    await hang('hung, alone')
    await onescand.logged(/had a message in hand, counted as its failed scan 1 \(POISONTRIES\)/)
    const { does, code, log } = await ask('hung, alone')
    t.match({ does, code }, { does: 'end', code: 71 })
    t.match(log, /reason="poison: /, 'what hung it is not scanned again, by the next worker either')
    t.match(await ask('other mail'), { does: 'hand on' })
    const { text } = await get(port, '/metrics')
    t.match(text, 'onescan_workers_replaced_total{why="hung"} 2')
    t.match(text, 'onescan_workers_replaced_total{why="ended"} 0')
  },
)

t.test('what a killed worker had in hand counts without --http, too', async (t) => {
  let begun = () => {}
  const isAsked = new Promise<void>((resolve) => {
    begun = resolve
  })
  const clamd = await sessionStandIn(
    t,
    ({ message }) => {
      if (message.includes('the worker dies of')) begun()
    },
    { version: () => 'ClamAV 1.4.3' },
  )
  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamd.socket,
    CLAMDBDIR: '/nonexistent',
    POISONTRIES: '1',
  }
  const onescand = startOnescand(t, { settings })
  await onescand.logged(/serving/)
  const message = Buffer.from('From: a@example.org\n\nwhat the worker dies of\n')
  const asked = onescand.ask({ variables: { QHPSI: settings.QHPSI }, message })
  await isAsked
  process.kill(childrenOf(onescand.pid)[0]!, 'SIGKILL')
  await t.rejects(asked)
  await onescand.logged(/had a message in hand, counted as its failed scan 1 \(POISONTRIES\)/)
})
