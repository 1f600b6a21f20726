import t from 'tap'
import { type MailAddress, readAddress } from '../../../src/mail/message/envelope/address.ts'
import { makeEnvelope } from '../../../src/mail/message/envelope/envelope.ts'
import {
  answerForAll,
  deferOverQuota,
  isAskedAbout,
  overQuotaText,
  quotaRemark,
} from '../../../src/scan/judge/over-quota.ts'
import type { QuotaAnswer } from '../../../src/scan/quota/quota-answer.ts'

/** The question whether all recipients of a message are over quota, for a service that may be slow. */

const client = { relay: false, clusterPeer: false, bounceInjector: false }

function mailTo(count: number) {
  const recipients = Array.from({ length: count }, (_, i) => Buffer.from(`${i}@example.org`))
  return { envelope: makeEnvelope(Buffer.from('a@example.net'), recipients), client, size: 100 }
}

const full: QuotaAnswer = { answer: 'full' }

/** A service that answers about each recipient by its number, after so many milliseconds, and counts. */
function quotaService(
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

t.test('10,000 recipients over quota are all asked about, at most 16 at once', async (t) => {
  const { lookup, seen } = quotaService(() => full)
  t.same(await answerForAll(mailTo(10_000), lookup), full)
  t.equal(seen.asked, 10_000)
  t.ok(seen.most > 1 && seen.most <= 16, `${seen.most} at once`)
})

t.test('if the first recipient is not full, no other is asked about', async (t) => {
  const why = 'it is down'
  for (const answer of ['room', 'no-such-user', 'unknown'] as const) {
    const { lookup, seen } = quotaService(() => ({ answer, why }))
    t.match(await answerForAll(mailTo(100), lookup), { answer })
    t.equal(seen.asked, 1)
  }
})

t.test('a recipient with room ends the questions, and none is left open', async (t) => {
  const { lookup, seen } = quotaService((number) => (number === 50 ? { answer: 'room' } : full))
  t.same(await answerForAll(mailTo(1000), lookup), { answer: 'room' })
  t.ok(seen.asked > 50 && seen.asked <= 50 + 16, `${seen.asked} were asked about`)
  t.equal(seen.waiting, 0)
})

t.test('all questions have four times the time of one, then the message passes', async (t) => {
  const { lookup, seen } = quotaService(() => full, { timeout: 20, after: 10 })
  const why = 'no answer for all recipients in 80 ms'
  t.same(await answerForAll(mailTo(10_000), lookup), { answer: 'unknown', why })
  t.ok(seen.asked < 10_000, `${seen.asked} were asked about`)
  t.equal(seen.waiting, 0)
})

t.test('a message without recipients asks nothing', async (t) => {
  const { lookup, seen } = quotaService(() => full)
  t.same(await answerForAll(mailTo(0), lookup), undefined)
  t.equal(seen.asked, 0)
})

t.test('bounces are never asked about, and relay clients only if that is set', async (t) => {
  for (const { relay, bounceInjector, askForRelayClients, asked } of [
    { relay: false, bounceInjector: false, askForRelayClients: false, asked: true },
    { relay: true, bounceInjector: false, askForRelayClients: false, asked: false },
    { relay: true, bounceInjector: false, askForRelayClients: true, asked: true },
    { relay: false, bounceInjector: true, askForRelayClients: true, asked: false },
  ]) {
    t.equal(isAskedAbout({ relay, bounceInjector }, { askForRelayClients }), asked)
    const { lookup, seen } = quotaService(() => full)
    const mail = { ...mailTo(1), client: { ...client, relay, bounceInjector } }
    const answer = await answerForAll(mail, { ...lookup, askForRelayClients })
    t.same(answer, asked ? full : undefined)
    t.equal(seen.asked, asked ? 1 : 0)
  }
})

t.test('a question that failed is remarked in the log, and an answer is not', async (t) => {
  t.equal(quotaRemark({ answer: 'unknown', why: 'it is down' }), 'quota: it is down')
  for (const answer of [full, { answer: 'room' } as const, undefined]) {
    t.equal(quotaRemark(answer), undefined)
  }
})

t.test('the reply names a single recipient, and none of several', async (t) => {
  const { reply, details } = deferOverQuota(mailTo(1).envelope, 7)
  t.same(reply, {
    class: 4,
    enhanced: '4.2.2',
    text: 'Quota exceeded for <0@example.org>, try again later',
    grounds: 'over-quota',
  })
  t.same(details, { scan: 'skipped', why: 'all recipients are over quota', times: { quota: 7 } })
  t.equal(
    deferOverQuota(mailTo(2).envelope, 7).reply.text,
    'Quota exceeded for all recipients, try again later',
  )
})

t.test('an address in the reply forges no line, and is cut after 320 characters', async (t) => {
  t.notMatch(overQuotaText(readAddress('a\r\n250 \xe9@x')), /[^ -~]/)
  const long = overQuotaText(readAddress(`${'l'.repeat(400)}@x`))
  t.equal(long, `Quota exceeded for <${'l'.repeat(320)}>, try again later`)
})
