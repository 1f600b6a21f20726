import t from 'tap'
import {
  answerForAll,
  deferOverQuota,
  isAskedAbout,
  overQuotaText,
  quotaRemark,
} from '../../src/judge/over-quota.ts'
import { type MailAddress, readAddress } from '../../src/message/envelope/address.ts'
import { makeEnvelope } from '../../src/message/envelope/envelope.ts'
import type { QuotaAnswer } from '../../src/quota/ask/quota-answer.ts'

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

t.test('10,000 full recipients are asked about, some at a time', async (t) => {
  const { lookup, seen } = somebody(() => full)
  t.same(await answerForAll(mailTo(10_000), lookup), full)
  t.equal(seen.asked, 10_000)
  t.ok(seen.most > 1 && seen.most <= 16, `${seen.most} at once`)
})

t.test('if the first recipient has room, no other is asked about', async (t) => {
  const { lookup, seen } = somebody(() => ({ answer: 'room' }))
  t.same(await answerForAll(mailTo(100), lookup), { answer: 'room' })
  t.equal(seen.asked, 1)
})

t.test('a recipient with room ends it, and no question is left open', async (t) => {
  const { lookup, seen } = somebody((number) => (number === 50 ? { answer: 'room' } : full))
  t.same(await answerForAll(mailTo(1000), lookup), { answer: 'room' })
  t.ok(seen.asked > 50 && seen.asked <= 50 + 16, `${seen.asked} were asked about`)
  t.equal(seen.waiting, 0)
})

t.test(
  'all questions together have four times the time of one; then the message passes',
  async (t) => {
    const { lookup, seen } = somebody(() => full, { timeout: 20, after: 10 })
    const why = 'no answer for all recipients in 80 ms'
    t.same(await answerForAll(mailTo(10_000), lookup), { answer: 'unknown', why })
    t.ok(seen.asked < 10_000, `${seen.asked} were asked about`)
    t.equal(seen.waiting, 0)
  },
)

t.test('a message without recipients asks nothing', async (t) => {
  const { lookup, seen } = somebody(() => full)
  t.same(await answerForAll(mailTo(0), lookup), undefined)
  t.equal(seen.asked, 0)
})

t.test('bounces of the MTA are never asked about, relay clients if that is set', async (t) => {
  for (const { relay, bounceInjector, askForRelayClients, asked } of [
    { relay: false, bounceInjector: false, askForRelayClients: false, asked: true },
    { relay: true, bounceInjector: false, askForRelayClients: false, asked: false },
    { relay: true, bounceInjector: false, askForRelayClients: true, asked: true },
    { relay: false, bounceInjector: true, askForRelayClients: true, asked: false },
  ]) {
    t.equal(isAskedAbout({ relay, bounceInjector }, { askForRelayClients }), asked)
    const { lookup, seen } = somebody(() => full)
    const mail = { ...mailTo(1), client: { ...client, relay, bounceInjector } }
    const answer = await answerForAll(mail, { ...lookup, askForRelayClients })
    t.same(answer, asked ? full : undefined)
    t.equal(seen.asked, asked ? 1 : 0)
  }
})

t.test('a failed question is a remark for the log, and an answer is none', async (t) => {
  t.equal(quotaRemark({ answer: 'unknown', why: 'it is down' }), 'quota: it is down')
  for (const answer of [full, { answer: 'room' } as const, undefined]) {
    t.equal(quotaRemark(answer), undefined)
  }
})

t.test('one recipient is named in the reply, several are not', async (t) => {
  const { reply, findings } = deferOverQuota(mailTo(1).envelope, 7)
  t.same(reply, {
    class: 4,
    enhanced: '4.2.2',
    text: 'Quota exceeded for <0@example.org>, try again later',
    grounds: 'over-quota',
  })
  t.same(findings, { scan: 'skipped', why: 'all recipients are over quota', times: { quota: 7 } })
  t.equal(
    deferOverQuota(mailTo(2).envelope, 7).reply.text,
    'Quota exceeded for all recipients, try again later',
  )
})

t.test(
  'an address forges no line of the reply, and makes it no longer than one line',
  async (t) => {
    t.notMatch(overQuotaText(readAddress('a\r\n250 \xe9@x')), /[^ -~]/)
    const long = overQuotaText(readAddress(`${'l'.repeat(400)}@x`))
    t.equal(long, `Quota exceeded for <${'l'.repeat(320)}>, try again later`)
  },
)
