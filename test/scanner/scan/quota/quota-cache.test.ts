import fc from 'fast-check'
import t from 'tap'
import type { QuotaAnswer } from '../../../../src/base/protocol/quota/quota-answer.ts'
import { answerFor, datedAnswer } from '../../../../src/scanner/scan/quota/quota-cache.ts'
import { ann, ben, clientOf, extendedAnswer, udpService } from './services.ts'

/** How long answers hold, and what remembered answers imply for other sizes. */

const room = (size: number, quota: number): QuotaAnswer => ({
  status: 'room',
  usage: { size, quota },
})

/** Milliseconds, as onescan-settings(5) has them. */
const MUCH_ROOM_FOR = 3600e3
const NEARLY_FULL_FOR = 5e3
const FULL_FOR = 30e3
const ROOM_FOR = 60e3
const NO_SUCH_USER_FOR = 300e3

/** For how long an answer holds. */
function lifetimeOf(answer: QuotaAnswer, soft: number): number {
  return datedAnswer(answer, { incoming: undefined, source: undefined, at: 0 }, soft).until
}

t.test('answers hold for the times of the manual page, which fall exponentially', async (t) => {
  const rows: readonly (readonly [QuotaAnswer, number])[] = [
    [room(0, 100), MUCH_ROOM_FOR],
    [room(49, 100), MUCH_ROOM_FOR],
    [room(50, 100), MUCH_ROOM_FOR], // where it begins to fall
    [room(75, 100), Math.sqrt(MUCH_ROOM_FOR * NEARLY_FULL_FOR)], // half of the way
    [room(100, 100), NEARLY_FULL_FOR],
    [room(300, 100), NEARLY_FULL_FOR], // there may be room over the quota
    [{ status: 'room', usage: { size: 1e12 } }, MUCH_ROOM_FOR],
    [{ status: 'room' }, ROOM_FOR],
    [{ status: 'full' }, FULL_FOR],
    [{ status: 'no-such-user' }, NO_SUCH_USER_FOR],
    [{ status: 'unknown', reason: '' }, 0],
  ]
  for (const [answer, time] of rows) {
    t.ok(Math.abs(lifetimeOf(answer, 0.5) - time) < 1, JSON.stringify(answer))
  }
  t.equal(lifetimeOf(room(100, 100), 1), NEARLY_FULL_FOR)
})

t.test('the answer about a fuller mailbox never holds longer, nor out of bounds', async (t) => {
  const share = fc.double({ min: 0, max: 1, noNaN: true })
  const quota = fc.integer({ min: 1, max: 1_000_000_000_000 })
  fc.assert(
    fc.property(share, share, share, quota, (a, b, soft, quota) => {
      const [less, more] = [Math.min(a, b), Math.max(a, b)].map((fill) => Math.floor(fill * quota))
      const [long, short] = [less!, more!].map((size) => lifetimeOf(room(size, quota), soft))
      t.ok(long! >= short! && short! >= NEARLY_FULL_FOR - 1e-6 && long! <= MUCH_ROOM_FOR)
    }),
  )
})

t.test('no cached answer refuses a recipient if it is old or about another size', async (t) => {
  const size = fc.integer({ min: 0, max: 200 })
  fc.assert(
    fc.property(size, size, size, size, fc.boolean(), (used, asked, incoming, age, full) => {
      const quota = 100
      const answer: QuotaAnswer = full
        ? { status: 'full', usage: { size: used, quota } }
        : room(used, quota)
      const known = datedAnswer(answer, { incoming: asked, source: '', at: 0 }, 0.5)
      const derived = answerFor(known, incoming, age * 1000)
      if (derived?.status !== 'full') return
      if (full) t.ok(incoming >= asked)
      else t.ok(used + incoming > quota && age * 1000 < FULL_FOR)
    }),
  )
})

t.test('a mailbox with room is asked for once an hour, a full one twice a minute', async (t) => {
  const mailboxes = { 'ann@example.org': [10, 100], 'ben@example.org': [100, 100] } as const
  const service = await udpService(t, extendedAnswer(mailboxes))
  const { client, clock } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  const after = async (seconds: number) => {
    clock.now += seconds * 1000
    t.match(await client.ask(ann), { status: 'room' })
    t.match(await client.ask(ben), { status: 'full' })
    return service.heard.length
  }
  t.equal(await after(0), 2)
  t.equal(await after(29), 2)
  t.equal(await after(2), 3)
  t.equal(await after(3500), 4)
  t.equal(await after(100), 6)
  t.match(client.counters, { questions: 10, asked: 6, cached: 4, room: 5, full: 5 })
})

t.test('a message too large for the cached size is refused only after a new request', async (t) => {
  const mailbox: [number, number] = [40, 100]
  const service = await udpService(t, (packet) =>
    extendedAnswer({ 'ann@example.org': mailbox })(packet),
  )
  const { client, clock } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  t.match(await client.ask(ann), { status: 'room' })
  t.match(await client.ask(ann, 60), { status: 'room' })
  t.match(await client.ask(ann, 61), { status: 'full' }, 'by an answer that is fresh')
  t.equal(service.heard.length, 1)
  clock.now += FULL_FOR
  mailbox[0] = 0
  t.match(await client.ask(ann, 61), { status: 'room' })
  t.equal(service.heard.length, 2)
})

t.test('no room for a large message does not refuse a small one', async (t) => {
  const service = await udpService(t, extendedAnswer({ 'ann@example.org': [90, 100] }))
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  t.match(await client.ask(ann, 50), { status: 'full' })
  t.match(await client.ask(ann, 60), { status: 'full' })
  t.equal(service.heard.length, 1)
  t.match(await client.ask(ann, 5), { status: 'room' })
})

t.test('room for a small message without numbers does not admit a large one', async (t) => {
  const service = await udpService(t, (packet) => {
    const [, name, incoming, nonce] = packet.split(' ')
    return `${Number(incoming) > 1000 ? 'QUOTA_FULL' : 'QUOTA_OK'} ${name} ${nonce}`
  })
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  t.match(await client.ask(ann, 10), { status: 'room' })
  t.match(await client.ask(ann), { status: 'room' })
  t.equal(service.heard.length, 1)
  t.match(await client.ask(ann, 5000), { status: 'full' })
})

t.test('a mailbox without a quota has room for any message', async (t) => {
  const service = await udpService(t, extendedAnswer({ 'ann@example.org': [90, 0] }))
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  for (const size of [0, 1e12]) t.match(await client.ask(ann, size), { status: 'room' })
  t.equal(service.heard.length, 1)
})

t.test('a service that receives no size is not asked again about another size', async (t) => {
  for (const word of ['QUOTA_OK', 'QUOTA_FULL']) {
    const service = await udpService(t, () => word)
    const { client } = clientOf(t, `udp:127.0.0.1:${service.port}`)
    const answers = [await client.ask(ann, 10), await client.ask(ann, 5000), await client.ask(ann)]
    t.equal(new Set(answers.map(({ status: answer }) => answer)).size, 1)
    t.equal(service.heard.length, 1)
  }
})

t.test('an unknown user is cached, too', async (t) => {
  const service = await udpService(t, extendedAnswer({}))
  const { client, clock } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  for (let n = 0; n < 3; n++) t.match(await client.ask(ann), { status: 'no-such-user' })
  t.equal(service.heard.length, 1)
  clock.now += NO_SUCH_USER_FOR
  await client.ask(ann)
  t.equal(service.heard.length, 2)
})

t.test('an explained answer names the backend', async (t) => {
  const service = await udpService(t, extendedAnswer({ 'ann@example.org': [1, 100] }))
  const source = `quotad:127.0.0.1:${service.port}`
  const { client } = clientOf(t, source)
  t.match(await client.explain(ann), { answer: { status: 'room' }, source })
  t.equal(client.counters.questions, 0)
})
