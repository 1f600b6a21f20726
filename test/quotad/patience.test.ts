import t from 'tap'
import { ServiceCounters } from '../../src/quotad/log.ts'
import { answerFrom, answersForNames } from '../../src/quotad/mailbox-answer.ts'
import type { Measure } from '../../src/quotad/sources/reading.ts'

/** Each question has its answer in time, whatever mailboxes and lists do. */

const mailbox = () => ({ path: '/ann', fixed: 0 })
const readNothing = () => ({ found: 'no-such-user' }) as const

t.test('the answer about a mailbox that hangs is unknown', async (t) => {
  const counters = new ServiceCounters()
  const troubles: unknown[] = []
  const ask = answersForNames({
    answerFor: answerFrom({
      lookUp: undefined,
      mailbox,
      read: () => new Promise(() => {}),
      uptime: () => 0,
      limits: undefined,
      defaultLimits: {},
    }),
    settings: { QUOTACASE: 'lower', QUOTAPATIENCE: 5 },
    counters,
    logTrouble: (trouble) => troubles.push(trouble),
  })
  t.match(await ask('ann', 0), { answer: { answer: 'unknown', why: 'ann: no answer in 5 ms' } })
  t.match(troubles, [{ what: 'ann', why: 'no answer in 5 ms' }])
  t.equal(counters.unknown, 1)
})

t.test('the time that the list of users took counts for the whole question', async (t) => {
  let time = 0
  let waited: Measure['waited']
  const ask = answerFrom({
    lookUp: async () => {
      time += 300
      return { found: 'account', home: '/ann' }
    },
    mailbox,
    read: (_, measure) => {
      waited = measure.waited
      return readNothing()
    },
    uptime: () => time,
    limits: undefined,
    defaultLimits: {},
  })
  await ask({ name: 'ann', local: 'ann', domain: '' }, 0)
  t.equal(waited, 300)
})
