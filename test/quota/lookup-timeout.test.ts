import t from 'tap'
import { answersForNames, type MailboxLookup } from '../../src/quota/mailbox-answer.ts'
import { ServiceCounters } from '../../src/quota/quotad-log.ts'
import type { Measure } from '../../src/quota/sources/mailbox-result.ts'

/** Each question has its answer in time, whatever mailboxes and lists do. */

const settings = { lookupTimeout: 5 }
const lookup: MailboxLookup = {
  askUsers: undefined,
  locate: () => ({ path: '/ann', fixed: 0 }),
  read: () => new Promise(() => {}),
  uptime: () => 0,
  limits: undefined,
  defaultLimits: {},
  forget() {},
}

t.test('the answer about a mailbox that hangs is unknown', async (t) => {
  const counters = new ServiceCounters()
  const troubles: unknown[] = []
  const ask = answersForNames(lookup, settings, counters, (trouble) => troubles.push(trouble))
  t.match(await ask('ann', 0), { answer: { status: 'unknown', reason: 'ann: no answer in 5 ms' } })
  t.match(troubles, [{ place: 'ann', reason: 'no answer in 5 ms' }])
  t.equal(counters.unknown, 1)
})

t.test('the time that the list of users took applies to the whole question', async (t) => {
  let time = 0
  let waited: Measure['waited']
  const slow: MailboxLookup = {
    ...lookup,
    async askUsers() {
      time += 300
      return { kind: 'account', home: '/ann' }
    },
    read(_, measure) {
      waited = measure.waited
      return { kind: 'no-such-user' }
    },
    uptime: () => time,
  }
  await answersForNames(slow, settings, new ServiceCounters(), () => {})('ann', 0)
  t.equal(waited, 300)
})
