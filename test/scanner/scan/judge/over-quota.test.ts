import t from 'tap'
import type { QuotaAnswer } from '../../../../src/base/protocol/quota/quota-answer.ts'
import { type MailAddress, readAddress } from '../../../../src/base/text/address.ts'
import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import {
  type AnnouncedMail,
  checkQuota,
  isQuotaChecked,
} from '../../../../src/scanner/scan/judge/over-quota.ts'
import { mailReply } from '../../../../src/scanner/scan/replies/mail-replies.ts'

/** The question whether all recipients of a message are over quota, for a service that may be slow. */

const client = { mayRelay: false, isClusterPeer: false, isBounceInjector: false }

function mailTo(count: number) {
  const recipients = Array.from({ length: count }, (_, i) => Buffer.from(`${i}@example.org`))
  return { envelope: makeEnvelope(Buffer.from('a@example.net'), recipients), client, size: 100 }
}

const full: QuotaAnswer = { status: 'full' }

/** A service that answers about each recipient by its number, after this many milliseconds, and counts. */
function quotaService(
  answerFor: (number: number) => QuotaAnswer,
  { timeout = 60_000, after = 0, asksForRelayClients = false } = {},
) {
  const seen = { asked: 0, waiting: 0, most: 0 }
  const lookup = {
    timeout,
    asksForRelayClients,
    async ask({ text }: MailAddress): Promise<QuotaAnswer> {
      seen.asked++
      seen.most = Math.max(seen.most, ++seen.waiting)
      await new Promise((resolve) => (after ? setTimeout(resolve, after) : setImmediate(resolve)))
      seen.waiting--
      return answerFor(Number.parseInt(text, 10))
    },
  }
  return { seen, lookup, check: (mail: AnnouncedMail) => checkQuota(mail, lookup, ticking()) }
}

/** A clock that shows 7 milliseconds more at each look. */
function ticking(): () => number {
  let now = 0
  return () => (now += 7)
}

t.test('10,000 recipients over quota are all asked about, at most 16 at once', async (t) => {
  const { check, seen } = quotaService(() => full)
  const { defer } = await check(mailTo(10_000))
  t.equal(defer?.reply.text, 'Quota exceeded for all recipients, try again later')
  t.equal(seen.asked, 10_000)
  t.ok(seen.most > 1 && seen.most <= 16, `${seen.most} at once`)
})

t.test('if the first recipient is not full, no other is asked about', async (t) => {
  for (const [answer, checked] of [
    [{ status: 'room' }, {}],
    [{ status: 'no-such-user' }, {}],
    [{ status: 'unknown', reason: 'it is down' }, { remark: 'quota: it is down' }],
  ] as const) {
    const { check, seen } = quotaService(() => answer)
    t.same(await check(mailTo(100)), checked)
    t.equal(seen.asked, 1)
  }
})

t.test('a recipient with room ends the questions, and none is left open', async (t) => {
  const { check, seen } = quotaService((number) => (number === 50 ? { status: 'room' } : full))
  t.same(await check(mailTo(1000)), {})
  t.ok(seen.asked > 50 && seen.asked <= 50 + 16, `${seen.asked} were asked about`)
  t.equal(seen.waiting, 0)
})

t.test('all questions have four times the time of one, then the message passes', async (t) => {
  const { check, seen } = quotaService(() => full, { timeout: 20, after: 10 })
  const remark = 'quota: not all recipients were answered within 80 ms'
  t.same(await check(mailTo(10_000)), { remark })
  t.ok(seen.asked < 10_000, `${seen.asked} were asked about`)
  t.equal(seen.waiting, 0)
})

t.test('a message without recipients asks nothing', async (t) => {
  const { check, seen } = quotaService(() => full)
  t.same(await check(mailTo(0)), {})
  t.equal(seen.asked, 0)
})

t.test('bounces are never asked about, and relay clients only if that is set', async (t) => {
  for (const { mayRelay, isBounceInjector, asksForRelayClients, asked } of [
    { mayRelay: false, isBounceInjector: false, asksForRelayClients: false, asked: true },
    { mayRelay: true, isBounceInjector: false, asksForRelayClients: false, asked: false },
    { mayRelay: true, isBounceInjector: false, asksForRelayClients: true, asked: true },
    { mayRelay: false, isBounceInjector: true, asksForRelayClients: true, asked: false },
  ]) {
    t.equal(isQuotaChecked({ mayRelay, isBounceInjector }, { asksForRelayClients }), asked)
    const { check, seen } = quotaService(() => full, { asksForRelayClients: asksForRelayClients })
    const { defer } = await check({
      ...mailTo(1),
      client: { ...client, mayRelay, isBounceInjector },
    })
    t.equal(defer !== undefined, asked)
    t.equal(seen.asked, asked ? 1 : 0)
  }
})

t.test('the reply names a single recipient', async (t) => {
  const { check } = quotaService(() => full)
  t.same((await check(mailTo(1))).defer, {
    kind: 'defer',
    reply: {
      class: 4,
      enhanced: '4.2.2',
      text: 'Quota exceeded for <0@example.org>, try again later',
      grounds: 'over-quota',
    },
    details: { scan: 'skipped', reason: 'all recipients are over quota', times: { quota: 7 } },
  })
})

t.test('an address in the reply forges no line, and is cut after 320 characters', async (t) => {
  t.notMatch(mailReply.overQuota(readAddress('a\r\n250 \xe9@x')).text, /[^ -~]/)
  const long = mailReply.overQuota(readAddress(`${'l'.repeat(400)}@x`)).text
  t.equal(long, `Quota exceeded for <${'l'.repeat(320)}>, try again later`)
})
