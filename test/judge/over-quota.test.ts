import t from 'tap'
import type { MailAddress } from '../../src/envelope/address.ts'
import { makeEnvelope } from '../../src/envelope/envelope.ts'
import { answerForAll } from '../../src/judge/over-quota.ts'
import type { QuotaAnswer } from '../../src/quota/quota-answer.ts'

/** Whether all recipients of a message are over quota, asked of somebody who may be slow. */

const client = { relay: false, clusterPeer: false, bounceInjector: false }

function mailTo(count: number) {
  const recipients = Array.from({ length: count }, (_, i) => Buffer.from(`${i}@example.org`))
  return { envelope: makeEnvelope(Buffer.from('a@example.net'), recipients), client, size: 100 }
}

const full: QuotaAnswer = { answer: 'full' }

/** Somebody who answers for each recipient by number, after so many milliseconds, and counts. */
function somebody(
  answerFor: (number: number) => QuotaAnswer,
  { timeout = 60_000, after = 0 } = {},
) {
  const seen = { asked: 0, waiting: 0, most: 0 }
  const lookup = {
    timeout,
    askForRelayClients: false,
    async ask({ text }: MailAddress): Promise<QuotaAnswer> {
      seen.asked++
      seen.most = Math.max(seen.most, ++seen.waiting)
      await new Promise((resolve) => (after ? setTimeout(resolve, after) : setImmediate(resolve)))
      seen.waiting--
      return answerFor(Number.parseInt(text, 10))
    },
  }
  return { seen, lookup }
}

t.test('10,000 that are full are asked about, some at a time', async (t) => {
  const { lookup, seen } = somebody(() => full)
  t.same(await answerForAll(mailTo(10_000), lookup), full)
  t.equal(seen.asked, 10_000)
  t.ok(seen.most > 1 && seen.most <= 16, `${seen.most} at once`)
})

t.test('where the first has room, nobody else is asked about', async (t) => {
  const { lookup, seen } = somebody(() => ({ answer: 'room' }))
  t.same(await answerForAll(mailTo(100), lookup), { answer: 'room' })
  t.equal(seen.asked, 1)
})

t.test('one that has room ends it, and no question is left under way', async (t) => {
  const { lookup, seen } = somebody((number) => (number === 50 ? { answer: 'room' } : full))
  t.same(await answerForAll(mailTo(1000), lookup), { answer: 'room' })
  t.ok(seen.asked > 50 && seen.asked <= 50 + 16, `${seen.asked} were asked about`)
  t.equal(seen.waiting, 0)
})

t.test('all together have four times as long as one; then the message passes', async (t) => {
  const { lookup, seen } = somebody(() => full, { timeout: 20, after: 10 })
  const why = 'no answer for all recipients in 80 ms'
  t.same(await answerForAll(mailTo(10_000), lookup), { answer: 'unknown', why })
  t.ok(seen.asked < 10_000, `${seen.asked} were asked about`)
  t.equal(seen.waiting, 0)
})

t.test('for nobody nobody is asked', async (t) => {
  const { lookup, seen } = somebody(() => full)
  t.same(await answerForAll(mailTo(0), lookup), undefined)
  t.equal(seen.asked, 0)
})
