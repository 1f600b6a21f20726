import t from 'tap'
import { COUNTED_FOR, type Poison } from '../../../src/verdicts/poison/poison.ts'
import { message, openPoison } from './poison-clock.ts'

/** Which messages are suspects, for how long, and what other processes hear of them. */

const killer = message(1)
const other = message(2)

/** Whether the message would be scanned as a suspect now. */
async function isSuspect(poison: Poison, letter = killer): Promise<boolean> {
  const turn = await poison.turn(letter, 1)
  if (turn.kind === 'held back') return true
  turn.end()
  return turn.isSuspect
}

t.test('scanners died lately for a minute after each death', async (t) => {
  const { poison, pass, struck } = openPoison()
  t.equal(poison.isAny, false)
  await struck(killer)
  pass(30_000)
  t.equal(poison.isAny, true)
  await struck(other)
  pass(59_980)
  t.equal(poison.isAny, true, 'after the second death')
  pass(20)
  t.equal(poison.isAny, false)
})

t.test('a message is a suspect for a day', async (t) => {
  const { poison, pass, struck } = openPoison()
  t.notOk(await isSuspect(poison))
  await struck(killer)
  pass(COUNTED_FOR - 11)
  t.ok(await isSuspect(poison))
  pass(1)
  t.notOk(await isSuspect(poison))
})

t.test('a failed scan counts for a day', async (t) => {
  const { poison, pass, struck } = openPoison()
  t.equal(await struck(killer), 1)
  pass(COUNTED_FOR / 2)
  t.equal(await struck(killer), 2)
  pass(COUNTED_FOR / 2 - 50)
  t.match(poison.leftAloneFor(killer.fingerprint, 1), undefined, 'the hour is over')
  t.equal(await struck(killer), 3)
  pass(10)
  t.equal(await struck(killer), 3, 'the first one is forgotten')
})

t.test('the end of one scan at the beginning of another counts as at the same time', async (t) => {
  const { poison, pass } = openPoison()
  pass(5)
  t.equal(await poison.harmed(other, 0), 1)
  t.equal(await poison.harmed(killer, 5), undefined)
  pass(5)
  t.equal(await poison.harmed(message(3), 6), 1)
})

t.test(
  'of several that fail, the only suspect has the blame, though others fail first',
  async (t) => {
    const { poison, pass, struck } = openPoison()
    await struck(killer)
    const since = poison.uptime()
    const fails = [message(3), killer, message(4)].map((letter) => poison.harmed(letter, since))
    t.same(await Promise.all(fails), [undefined, 2, undefined])
    pass(100)
    const again = [killer, message(3), message(5)].map((letter) => poison.harmed(letter, 100))
    t.same(await Promise.all(again), [undefined, undefined, undefined], 'of two suspects none has')
  },
)

t.test('other processes hear that a suspect failed, and that one was answered', async (t) => {
  const { poison, told, struck } = openPoison()
  poison.answered(killer)
  t.same(told, [], 'an ordinary message is not reported')
  await struck(killer)
  await struck(killer)
  poison.answered(killer)
  t.same(told, ['harmed', 'struck', 'harmed again', 'struck', 'answered'])
  t.notOk(await isSuspect(poison))
})

t.test('the failure of a suspect in another process leaves nobody to blame here', async (t) => {
  for (const [event, count] of [
    ['harmed', 2],
    ['harmed again', undefined],
  ] as const) {
    const { poison, pass, struck } = openPoison()
    await struck(killer)
    pass(10)
    poison.hear({ is: event, ...other })
    t.equal(await poison.harmed(killer, 25), count, event)
  }
})

t.test('a process knows the suspects that it has heard of', async (t) => {
  const { poison } = openPoison()
  poison.hear({ is: 'harmed', ...killer })
  t.ok(await isSuspect(poison))
  t.equal(poison.leftAloneFor(killer.fingerprint, 1), undefined)
  poison.hear({ is: 'struck', ...killer })
  t.ok(poison.leftAloneFor(killer.fingerprint, 1))
  poison.hear({ is: 'answered', ...killer })
  t.notOk(await isSuspect(poison))
})

t.test('a new process hears of all suspects and of what counts against them', async (t) => {
  const { poison, struck } = openPoison()
  t.same(poison.retell(), [])
  await struck(killer)
  poison.hear({ is: 'harmed', ...message(2, 'sender a') })
  const told = poison.retell()
  t.same(told, [
    { is: 'harmed', ...message(2) },
    { is: 'harmed', ...killer },
    { is: 'struck', ...killer },
  ])
})

t.test('withheld messages are counted, with the time of the first and the last one', async (t) => {
  const { poison, pass, struck } = openPoison()
  t.same(poison.withheld(1), { messages: 0, soonest: 0, latest: 0 })
  await struck(killer)
  pass(1000)
  await struck(other)
  const { messages, soonest, latest } = poison.withheld(1)
  t.equal(messages, 2)
  t.equal(latest - soonest, 1020)
  pass(soonest)
  t.equal(poison.leftAloneFor(killer.fingerprint, 1), undefined, 'its time is over')
})

t.test('messages with a mark that was there at three deaths', async (t) => {
  const mark = 'sender a@example.org'
  const begin = async () => {
    const opened = openPoison()
    for (const byte of [11, 12, 13]) {
      await opened.struck(message(byte, mark))
      opened.pass(600)
    }
    return opened
  }

  await t.test('are held back until a pause is over', async (t) => {
    const { poison, pass } = await begin()
    t.same(await poison.turn(message(14, mark), 100), { kind: 'held back', mark })
    t.equal(poison.counters.heldBack, 1)
    t.equal((await poison.turn(message(15, 'sender b@example.org'), 100)).kind, 'turn')
    pass(10_000)
    t.ok(await isSuspect(poison, message(14, mark)))
    t.equal(poison.counters.heldBack, 1)
    t.equal(poison.counters.isolated, 1)
  })

  await t.test('wait for what is left of the pause, if they have the time', async (t) => {
    const { poison, pass } = await begin()
    pass(1380) // of 2,000 ms: 600 have passed before, and 10 in `struck`
    t.match(await poison.turn(message(14, mark), 60_000), { kind: 'turn', isSuspect: true })
  })

  await t.test('are held back if the one before takes too long', async (t) => {
    const { poison, pass } = await begin()
    pass(10_000)
    const first = await poison.turn(message(14, mark), 100)
    t.equal(first.kind, 'turn')
    t.same(await poison.turn(message(15, mark), 5), { kind: 'held back', mark })
    if (first.kind === 'turn') first.end()
  })

  await t.test('are suspects no more when enough of them were answered', async (t) => {
    const { poison, pass } = await begin()
    pass(10_000)
    for (let byte = 20; byte < 29; byte++) poison.answered(message(byte, mark))
    t.notOk(await isSuspect(poison, message(14, mark)))
  })

  await t.test('do not count for a death that another message is blamed for', async (t) => {
    const { poison, pass, struck } = openPoison()
    await struck(killer)
    for (const byte of [11, 12, 13]) {
      pass(600)
      const fails = [message(byte, mark), message(1, 'sender b@example.org')]
      const since = poison.uptime()
      await Promise.all(fails.map((letter) => poison.harmed(letter, since)))
    }
    pass(10_000)
    t.notOk(await isSuspect(poison, message(14, mark)))
    t.ok(await isSuspect(poison, message(14, 'sender b@example.org')))
  })
})
