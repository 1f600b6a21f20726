import { readdirSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import t from 'tap'
import {
  DEATHS_MAX,
  Poison,
  type PoisonEvent,
} from '../../../../src/scanner/scan/crash-guard/poison.ts'
import { listen } from '../../../programs/host/listen.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { until } from '../../../run/until.ts'
import { openMilter } from '../../doors/milter/rig.ts'
import { POISON, startMortalServer } from '../scanners/clamd/mortal-server.ts'
import { socketPath } from '../scanners/clamd/stand-in.ts'

const COUNTED_FOR = 3600 * 1000

/** Messages that were in hand when scanners died. */

/** A process with a clock of its own, and the events that it sent to the others. */
function openPoison() {
  let uptime = 5 // a process has run for a while when a scanner dies
  const events: PoisonEvent[] = []
  const poison = new Poison(
    (event) => events.push(event),
    () => uptime,
  )
  const pass = (milliseconds: number) => {
    uptime += milliseconds
  }
  return { poison, events, pass }
}

t.test('a message at three deaths is left alone for an hour, and then counted again', async (t) => {
  const { poison, pass } = openPoison()
  t.equal(poison.died('a'), 1)
  pass(COUNTED_FOR - 1)
  t.equal(poison.died('a'), 2)
  t.equal(poison.leftAloneFor('a'), undefined)
  pass(1000)
  t.equal(poison.died('a'), DEATHS_MAX)
  t.equal(poison.leftAloneFor('a'), COUNTED_FOR)
  t.equal(poison.leftAloneFor('b'), undefined, 'another message')
  pass(COUNTED_FOR - 1)
  t.equal(poison.leftAloneFor('a'), 1)
  pass(2)
  t.equal(poison.leftAloneFor('a'), undefined)
  t.equal(poison.died('a'), 1)
})

t.test('a death is counted for an hour', async (t) => {
  const { poison, pass } = openPoison()
  for (let n = 0; n < 5; n++) {
    t.equal(poison.died('a'), 1)
    pass(COUNTED_FOR + 1)
  }
})

t.test('scans that began at the same count count once', async (t) => {
  const { poison } = openPoison()
  t.equal(poison.died('a', 0), 1)
  t.equal(poison.died('a', 0), 1)
  t.equal(poison.died('a', 1), 2)
})

t.test('all processes of a host count the same deaths', async (t) => {
  const [a, b] = [openPoison(), openPoison()]
  a.poison.died('x')
  b.poison.died('x') // a copy, at the same death
  for (const event of a.events) b.poison.receive(event)
  for (const event of b.events) a.poison.receive(event)
  t.same([a.poison.deathsOf('x'), b.poison.deathsOf('x')], [1, 1])
  b.poison.died('x')
  a.poison.receive(b.events.at(-1)!)
  t.equal(a.poison.died('x'), DEATHS_MAX)

  a.pass(1000)
  const late = openPoison()
  for (const event of a.poison.allEvents()) late.poison.receive(event)
  t.equal(late.poison.leftAloneFor('x'), COUNTED_FOR - 1000, 'and so does one that begins later')
})

t.test('a thousand messages are counted, and the oldest make room', async (t) => {
  const { poison } = openPoison()
  for (let n = 0; n < 1010; n++) poison.died(`${n}`)
  t.equal(poison.allEvents().length, 1000)
  t.equal(poison.deathsOf('9'), 0)
  t.equal(poison.deathsOf('10'), 1)
  const late = openPoison().poison
  for (const event of poison.allEvents()) late.receive(event)
  late.died('new')
  t.equal(late.deathsOf('11'), 0, 'it knows which of them are the oldest')
  t.equal(late.deathsOf('1009'), 1)
})

t.test('a message that was there with others is a suspect until it has passed alone', async (t) => {
  const [a, b] = [openPoison(), openPoison()]
  a.poison.diedWithOthers('x')
  t.equal(a.poison.leftAloneFor('x'), undefined)
  b.poison.receive(a.events.at(-1)!)
  t.same([a.poison.isSuspect('x'), b.poison.isSuspect('x')], [true, true], 'in each process')
  t.equal(b.poison.deathsOf('x'), 0)
  const late = openPoison().poison
  for (const event of a.poison.allEvents()) late.receive(event)
  t.ok(late.isSuspect('x'), 'and in one that begins later')
  b.poison.passed('x')
  a.poison.receive(b.events.at(-1)!)
  t.same([a.poison.isSuspect('x'), b.poison.isSuspect('x')], [false, false])
  t.equal(a.poison.died('x'), 1)
  a.poison.passed('x')
  a.poison.diedWithOthers('x')
  t.equal(a.poison.deathsOf('x'), 1, 'what was counted before still counts')
})

const letter = (n: number, body: string) =>
  Buffer.from(`Received: by mx; ${n}\nDate: ${n}\nFrom: a@example.org\n\n${body}\n`)

/** A signature that takes clamd hours for the text `slow`, and nothing for others. */
const slowly = {
  database: {
    'slow.ldb': `Slow;Engine:81-255,Target:0;0&1;${Buffer.from(POISON).toString('hex')};0/${'(x+x+)+'.repeat(3)}y/\n`,
  },
  PCREMatchLimit: 2 ** 31 - 1,
  PCRERecMatchLimit: 2 ** 31 - 1,
}

const slow = `${POISON} ${'x'.repeat(200)}!y`

// promise: others-unharmed
t.test(
  'a message that kills clamd is not scanned a fourth time',
  { skip: clamdMissing },
  async (t) => {
    const socket = socketPath(t)
    let clamd = await startClamd(t, { ...slowly, socket })
    const env = { QHPSI: 'plugin: clamd', CLAMD: socket, CLAMDBDIR: '/nonexistent' }
    const milter = await openMilter(t, env)
    const send = (n: number, body: string) => milter.submit({ message: letter(n, body) })
    const scanned = () => readdirSync(clamd.directory).some((name) => name.endsWith('.tmp'))
    for (let n = 1; n <= 3; n++) {
      await until(() => !scanned(), 'clamd has removed the files of the last message')
      const sent = send(n, slow)
      await until(scanned, 'clamd has the message')
      process.kill(clamd.pid, 'SIGKILL')
      t.equal((await sent).outcome, 'deferred')
      t.match(milter.mailLog.at(-1), new RegExp(`crash ${n} of 3 with this message`))
      await clamd.stop()
      clamd = await startClamd(t, { ...slowly, socket })
      t.equal((await send(n, `other ${n}`)).outcome, 'delivered')
    }
    t.equal((await send(4, slow)).reply.slice(0, 9), '451 4.7.1')
    t.match(
      milter.mailLog.at(-1),
      / scan=unknown .*cause=poison .*reason="scanners crashed .* 60 min/,
    )
    t.equal((await send(5, 'other')).outcome, 'delivered')

    milter.configure(await milter.configured({ ...env, SCANFAIL: 'accept' }))
    const accepted = await send(6, slow)
    t.equal(accepted.outcome, 'delivered')
    t.notMatch(accepted.message.toString(), /X-QHPSI/)
  },
)

// promise: others-unharmed
t.test('of several messages in a clamd when it died only the poison is blocked', async (t) => {
  const bodies = ['text 0', 'text 1', POISON, 'text 3', 'text 4']
  const socket = socketPath(t)
  const milter = await openMilter(t, {
    QHPSI: 'plugin: clamd',
    CLAMD: socket,
    CLAMDBDIR: '/nonexistent',
    SECONDLOOK: 'never',
  })
  let left = bodies
  let deaths = 0
  const lines: string[] = []
  for (let n = 1; n <= 5; n++) {
    const clamd = await startMortalServer(t, socket, { diesWith: n === 1 ? bodies.length : 0 })
    const before = milter.mailLog.length
    const sent = await Promise.all(left.map((body) => milter.submit({ message: letter(n, body) })))
    lines.push(...milter.mailLog.slice(before))
    left = left.filter((_, at) => sent[at]!.outcome !== 'delivered')
    if ((await clamd.stop('SIGTERM')) === 'SIGKILL') deaths++
    if (n > 1) t.notOk(clamd.log.includes('asked 2'), 'each is scanned alone')
  }
  t.same(left, [POISON])
  t.equal(deaths, 4, 'once with the others, and three times alone')
  const count = (words: string) => lines.filter((line) => line.includes(words)).length
  t.equal(count('next time this one is scanned alone'), bodies.length)
  const counts = [1, 2, 3].map((n) => count(`crash ${n} of 3`))
  t.same(counts, [1, 1, 1])
  t.equal(count('cause=poison'), 1)
})

// promise: others-unharmed
t.test('no message is blamed for a cut connection', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t)
  let isCut = false
  let cuts = 0
  // The way to clamd, which is cut when it has a message.
  const way = createServer((client) => {
    const server = connect(clamd.socket)
    const cut = () => {
      client.resetAndDestroy()
      server.destroy()
    }
    if (isCut) return cut()
    server.on('error', cut).on('close', cut)
    client.on('error', cut).on('close', cut)
    server.pipe(client)
    client.on('data', (bytes: Buffer) => {
      if (!bytes.includes('cut')) return void server.write(bytes)
      cuts++
      isCut = true
      cut()
    })
  })
  const port = await listen(t, way)
  const milter = await openMilter(t, {
    QHPSI: 'plugin: clamd',
    CLAMD: `127.0.0.1:${port}`,
    CLAMDBDIR: '/nonexistent',
    SECONDLOOK: 'never',
  })
  const send = (n: number, body: string) => milter.submit({ message: letter(n, body) })
  for (let n = 1; n <= 4; n++) {
    const sent = await Promise.all([send(n, 'cut'), send(n, 'other')])
    t.equal(sent[0].outcome, 'deferred')
    isCut = false
  }
  t.equal(cuts, 4, 'it is scanned each time')
  t.equal((await send(5, 'other')).outcome, 'delivered')
  t.notMatch(milter.mailLog.join('\n'), /crash|poison|alone/)
})
