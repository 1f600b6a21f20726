import { once } from 'node:events'
import t from 'tap'
import { checkWithheldMail } from '../../../src/cli/check/daemon/running-daemon.ts'
import { askToTell } from '../../../src/doors/slot-socket/tell.ts'
import { HostMemory } from '../../../src/verdicts/host-memory.ts'
import { COUNTED_FOR, LEFT_ALONE_FOR, type Poison } from '../../../src/verdicts/poison/poison.ts'
import { openMilter } from '../../doors/milter/rig.ts'
import { openSlot } from '../../doors/slot-socket/slot-socket.ts'
import { type Asked, numbered, sessionStandIn } from '../../scan/clamd/session-stand-in.ts'
import { message, openPoison } from './poison-clock.ts'

/** Messages that scanners die of. */

const killer = message(1)
const other = message(2)

t.test(
  'after so many scans that went wrong within a day, a message is not scanned for an hour',
  async (t) => {
    const { poison, struck, pass } = openPoison()
    t.equal(await struck(killer), 1)
    pass(1000)
    t.equal(await struck(killer), 2)
    t.equal(poison.leftAloneFor(killer.fingerprint, 3), undefined)
    t.equal(poison.withheld(3).messages, 0)
    t.equal(await struck(killer), 3)
    t.equal(poison.leftAloneFor(killer.fingerprint, 3), LEFT_ALONE_FOR - 10)
    t.equal(poison.leftAloneFor(other.fingerprint, 3), undefined)
    pass(60_000)
    for (let n = 0; n < 3; n++) await struck(other)
    t.match(poison.withheld(3), { messages: 2, latest: LEFT_ALONE_FOR - 10 })
    t.equal(poison.withheld(3).soonest, poison.leftAloneFor(killer.fingerprint, 3))
    pass(LEFT_ALONE_FOR)
    t.equal(poison.leftAloneFor(killer.fingerprint, 3), undefined, 'then it is tried once more')
    t.equal(poison.withheld(3).messages, 0)
    t.equal(await struck(killer), 4)
    t.ok(poison.leftAloneFor(killer.fingerprint, 3))
    pass(COUNTED_FOR)
    t.equal(await struck(killer), 1, 'a day later it is forgotten')
  },
)

t.test('a scan that went wrong only because of others counts against no message', async (t) => {
  const { poison, pass } = openPoison()
  pass(10)
  const counts = await Promise.all([poison.harmed(killer, 0), poison.harmed(other, 5)])
  t.same(counts, [undefined, undefined])
  for (const letter of [killer, other])
    t.equal(poison.leftAloneFor(letter.fingerprint, 1), undefined)
})

t.test(
  'if one of them was a suspect, and the others were not, it counts against the suspect',
  async (t) => {
    const { poison, pass } = openPoison()
    pass(10)
    await Promise.all([poison.harmed(killer, 0), poison.harmed(other, 0)])
    poison.answered(other)
    pass(10)
    const fresh = [message(3), other]
    const counts = await Promise.all([killer, ...fresh].map((letter) => poison.harmed(letter, 15)))
    t.same(counts, [1, undefined, undefined])
    pass(10)
    t.same(
      await Promise.all([killer, other].map((letter) => poison.harmed(letter, 25))),
      [undefined, undefined],
      'of two suspects it counts against neither',
    )
  },
)

t.test('copies that were scanned together are counted once', async (t) => {
  const { poison, pass } = openPoison()
  pass(10)
  t.same(await Promise.all([poison.harmed(killer, 0), poison.harmed(killer, 0)]), [1, 1])
})

t.test('suspects are scanned one after the other, but none waits longer than it can', async (t) => {
  const { poison, struck } = openPoison()
  await struck(killer)
  await struck(other)
  const endOf = async (turn: ReturnType<Poison['turn']>) => {
    const had = await turn
    if (had.kind !== 'turn') throw new Error('it was held back')
    return had.end
  }
  t.match(await poison.turn(message(3), 60_000), { kind: 'turn', isSuspect: false })
  const first = await endOf(poison.turn(killer, 60_000))
  let hasTurn = false
  const second = endOf(poison.turn(other, 60_000)).then((end) => {
    hasTurn = true
    return end
  })
  const hasty = await endOf(poison.turn(other, 1))
  hasty() // the first one is not over for that
  const third = endOf(poison.turn(killer, 60_000))
  await new Promise(setImmediate)
  t.notOk(hasTurn)
  first()
  ;(await second)()
  ;(await third)()
  t.match(poison.counters, { isolated: 4, heldBack: 0 })
})

t.test('processes of a host hear of each other', async (t) => {
  const memories = [new HostMemory({ self: 1 }), new HostMemory({ self: 2 })] as const
  const [a, b] = memories
  const spoken = new EventTarget()
  a.connect((words) => {
    b.receive(JSON.parse(JSON.stringify(words)))
    spoken.dispatchEvent(new Event('words'))
  })
  b.connect((words) => a.receive(JSON.parse(JSON.stringify(words))))
  const [sinceA, sinceB] = [a.poison.uptime(), b.poison.uptime()]
  const counts = [a.poison.harmed(killer, sinceA), b.poison.harmed(other, sinceB)]
  t.same(await Promise.all(counts), [undefined, undefined], 'they were there together')
  t.equal(await b.poison.harmed(killer, b.poison.uptime()), 1, 'a suspect here, too')
  t.equal(await a.poison.harmed(killer, a.poison.uptime()), 2)
  await once(spoken, 'words')
  t.match(b.poison.leftAloneFor(killer.fingerprint, 2), Number)

  const late = new HostMemory({ self: 3 })
  late.receive(JSON.parse(JSON.stringify(a.initialEvents())))
  t.match(late.poison.leftAloneFor(killer.fingerprint, 2), Number, 'one that begins later knows it')
})

t.test('a message that kills clamd three times is left alone, and other mail is not', async (t) => {
  let scans = 0
  const clamd = await sessionStandIn(
    t,
    (asked) => {
      if (!asked.message.includes('poison')) return numbered('stream: OK')(asked)
      scans++
      asked.connection.destroy()
    },
    { version: () => 'ClamAV 1.4.3' },
  )
  const env = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' }
  const milter = await openMilter(t, env)
  const send = (n: number, body: string) =>
    milter.submit({
      message: Buffer.from(`Received: by mx; ${n}\nDate: ${n}\nFrom: a@example.org\n\n${body}\n`),
    })
  for (let n = 1; n <= 3; n++) {
    t.equal((await send(n, 'poison')).outcome, 'deferred')
    t.match(milter.mailLog.at(-1), new RegExp(`failed scan ${n} of 3 \\(POISONTRIES\\)`))
  }
  const before = scans
  t.equal((await send(4, 'poison')).reply.slice(0, 9), '451 4.7.1')
  t.match(milter.mailLog.at(-1), / scan=unknown grounds=unscanned .*reason="poison: .* 60 minutes/)
  t.equal(scans, before, 'it was not scanned')
  t.equal((await send(5, 'text')).outcome, 'delivered')
  t.equal((await send(6, 'poison, another one')).outcome, 'deferred')
  t.ok(scans > before)

  milter.configure(await milter.configured({ ...env, SCANFAIL: 'accept' }))
  const accepted = await send(7, 'poison')
  t.equal(accepted.outcome, 'delivered')
  t.notMatch(accepted.message.toString(), /X-QHPSI/)
  milter.configure(await milter.configured({ ...env, POISONTRIES: '0' }))
  const then = scans
  await send(8, 'poison')
  t.ok(scans > then, 'with POISONTRIES=0 it is scanned')
})

t.test('a message that takes all its scan time counts as well', async (t) => {
  const clamd = await sessionStandIn(
    t,
    (asked) => (asked.message.includes('slow') ? undefined : numbered('stream: OK')(asked)),
    { version: () => 'ClamAV 1.4.3' },
  )
  const env = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamd.socket,
    CLAMDBDIR: '/nonexistent',
    SCANTIMEOUT: '1',
    POISONTRIES: '1',
  }
  const milter = await openMilter(t, env)
  const message = Buffer.from('From: a@example.org\n\nslow\n')
  for (let n = 0; n < 2; n++) t.equal((await milter.submit({ message })).outcome, 'deferred')
  t.match(milter.mailLog[0], /no answer .*scan 1 of 1/)
  t.match(milter.mailLog[1], /reason="poison: /)
  t.equal(clamd.asked.length, 1)
})

t.test('one killer among many is found, and the others are scanned', async (t) => {
  const BYSTANDERS = 7
  let waiting: Asked[] = []
  let holds = BYSTANDERS + 1
  const clamd = await sessionStandIn(
    t,
    (asked) => {
      if (asked.command !== 'zINSTREAM') return numbered('stream: OK')(asked)
      waiting.push(asked)
      if (waiting.length < holds) return // at first all are there
      holds = 1
      const here = waiting
      waiting = []
      if (!here.some(({ message }) => message.includes('poison'))) {
        return here.forEach(numbered('stream: OK'))
      }
      for (const connection of clamd.connections) connection.destroy()
    },
    { version: () => 'ClamAV 1.4.3' },
  )
  const env = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' }
  const milter = await openMilter(t, env)
  const send = (body: string) =>
    milter.submit({ message: Buffer.from(`From: a@example.org\n\n${body}\n`) })
  const isDelivered = async (body: string) => (await send(body)).outcome === 'delivered'

  for (let round = 0; round <= 5; round++) {
    const bodies = Array.from({ length: BYSTANDERS }, (_, n) => `round ${round}, text ${n}`)
    const [killed, ...delivered] = await Promise.all(['poison', ...bodies].map(isDelivered))
    t.notOk(killed)
    t.ok(
      delivered.every(Boolean),
      `round ${round}: who was there when it died is asked about again`,
    )
  }
  const lines = (text: string) => milter.mailLog.filter((line) => line.includes(text)).length
  for (let n = 1; n <= 3; n++) t.equal(lines(`failed scan ${n} of 3`), 1)
  t.equal(lines('reason="poison: '), 3, 'then nobody dies any more')
})

t.test('poison that is another message each time costs other mail little', async (t) => {
  let deaths = 0
  const clamd = await sessionStandIn(
    t,
    (asked) => {
      if (asked.command !== 'zINSTREAM') return numbered('stream: OK')(asked)
      // Others are there meanwhile: an answer takes a moment.
      setTimeout(() => {
        if (!asked.message.includes('poison')) return numbered('stream: OK')(asked)
        deaths++
        for (const connection of clamd.connections) connection.destroy()
      }, 2)
    },
    { version: () => 'ClamAV 1.4.3' },
  )
  const env = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' }
  const milter = await openMilter(t, { ...env, SCANTIMEOUT: '8' })
  const POISON = 30
  const OTHERS = 600
  const AT_ONCE = 20
  let sent = 0
  let deferred = 0
  const others = async () => {
    while (sent < OTHERS) {
      const n = sent++
      const from = `user${n % 97}@example.org`
      const message = Buffer.from(`From: ${from}\nSubject: ${n}\n\n${'text '.repeat(n % 251)}\n`)
      const { outcome } = await milter.submit({
        message,
        sender: from,
        client: `192.0.2.${n % 101}`,
      })
      if (outcome !== 'delivered') deferred++
    }
  }
  const attacker = async () => {
    for (let n = 0; n < POISON; n++) {
      const text = `From: a\nSubject: ${n * 7919}\n\npoison ${'x'.repeat(n * 37)}\n`
      const from = `${n}@attack.example`
      const { outcome } = await milter.submit({
        message: Buffer.from(text),
        sender: from,
        client: '198.51.100.7',
      })
      t.equal(outcome, 'deferred')
    }
  }
  await Promise.all([attacker(), ...Array.from({ length: AT_ONCE }, others)])
  t.ok(deferred <= OTHERS * 0.05, `${deferred} of ${OTHERS} others were deferred`)
  // Each alone would be scanned three times, and kill as often.
  t.ok(deaths < 1.5 * POISON, `${deaths} deaths by ${POISON} messages`)
  const held = milter.mailLog.filter((line) =>
    line.includes('several messages of client 198.51.100.7'),
  )
  t.ok(held.length > POISON / 2, `${held.length} of ${POISON} were held back`)
})

t.test('onescan check tells how many messages are withheld, and for how long', async (t) => {
  const clamd = await sessionStandIn(
    t,
    (asked) =>
      asked.message.includes('poison')
        ? void asked.connection.destroy()
        : numbered('stream: OK')(asked),
    { version: () => 'ClamAV 1.4.3' },
  )
  const env = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: '/nonexistent' }
  const variables = { QHPSI: env.QHPSI }
  const slot = await openSlot(t, { ...env, POISONTRIES: '2' })
  const findings = async (socket: string) =>
    checkWithheldMail((await askToTell(socket, 2000))!.withheld)
  t.same(await findings(slot.socket), [])
  for (let n = 0; n < 2; n++) {
    const message = Buffer.from(`Date: ${n}\nFrom: a@example.org\n\npoison\n`)
    t.match(await slot.ask({ variables, message, timeLeft: 150_000 }), { does: 'end', code: 71 })
  }
  t.match(await findings(slot.socket), [
    {
      level: 'warning',
      what: 'poison',
      value: /^a message is withheld from scanners for 60 more minutes/,
    },
  ])
  const none = await openSlot(t, { ...env, VERDICTS: 'off' })
  t.same(await findings(none.socket), [])
})
