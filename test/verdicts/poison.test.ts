import t from 'tap'
import { COUNTED_FOR, createPoison, LEFT_ALONE_FOR } from '../../src/verdicts/poison.ts'
import { openMilter } from '../doors/milter/rig.ts'
import { numbered, sessionStandIn } from '../scan/clamd/session-stand-in.ts'

/** Messages that scanners die of. */

const one = Buffer.alloc(32, 1)
const other = Buffer.alloc(32, 2)

t.test('after so many scans that went wrong within a day there is none for an hour', async (t) => {
  let now = 0
  const poison = createPoison(() => now)
  t.notOk(poison.isAny)
  t.equal(poison.struck(one), 1)
  t.ok(poison.isAny)
  now += 1000
  poison.struck(one)
  t.equal(poison.leftAloneFor(one, 3), undefined)
  poison.struck(one)
  t.equal(poison.leftAloneFor(one, 3), LEFT_ALONE_FOR)
  t.equal(poison.leftAloneFor(other, 3), undefined)
  now += LEFT_ALONE_FOR
  t.equal(poison.leftAloneFor(one, 3), undefined, 'then it is tried once more')
  t.equal(poison.struck(one), 4)
  t.equal(poison.leftAloneFor(one, 3), LEFT_ALONE_FOR)
  now += COUNTED_FOR
  t.equal(poison.struck(one), 1, 'a day later it is forgotten')
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
    t.match(milter.mailLog.at(-1), new RegExp(`scan ${n} of 3 that went so \\(POISONTRIES\\)`))
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

t.test('a message that takes all the time there is counts as well', async (t) => {
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
