import { once } from 'node:events'
import t from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import { countersLine } from '../../../../src/scanner/scan/quota/backends.ts'
import { readBackend } from '../../../../src/scanner/scan/quota/quota-settings.ts'
import { ann, backendMap, ben, clientOf, extendedAnswer, udpService } from './services.ts'

/** The client with many questions at a time, and with dead backends. */

t.test('questions at the same time about the same mailbox share an answer', async (t) => {
  const service = await udpService(t, extendedAnswer({ 'ann@example.org': [90, 100] }))
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  const sizes = [1, 2, 3, 4, 50]
  const answers = await Promise.all(sizes.map((size) => client.ask(ann, size)))
  const statuses = answers.map(({ status: answer }) => answer)
  t.same(statuses, ['room', 'room', 'room', 'room', 'full'])
  t.equal(service.heard.length, 1)
  t.match(client.counters, { questions: 5, asked: 1, shared: 4 })
})

t.test('the answer for a large message does not refuse a smaller one', async (t) => {
  const service = await udpService(t, extendedAnswer({ 'ann@example.org': [90, 100] }))
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  const [large, small] = await Promise.all([client.ask(ann, 50), client.ask(ann, 5)])
  t.match(large, { status: 'full' })
  t.match(small, { status: 'room' })
})

t.test('a domain is the same in any case', async (t) => {
  const service = await udpService(t, extendedAnswer({ 'ann@example.org': [90, 100] }))
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  await client.ask(ann)
  t.match(await client.ask(readAddress('ann@Example.ORG')), { status: 'room' })
  t.equal(service.heard.length, 1)
})

// promise: rule-16-limits
t.test('only the first question waits for a dead backend', async (t) => {
  const service = await udpService(t, () => undefined)
  const { client, log } = clientOf(t, `udp:127.0.0.1:${service.port}`, { QUOTATIMEOUT: '50' })
  await client.ask(ann)
  const rounds = 2000
  for (let n = 0; n < rounds; n++) {
    const answer = await client.ask(readAddress(`user${n}@example.org`))
    t.equal(answer.status, 'unknown') || t.bailout()
  }
  t.equal(log.length, 1)
  t.match(client.counters, { asked: 1, noAnswer: 1, skipped: rounds, unknown: rounds + 1 })
})

t.test('a cached answer avoids the request', async (t) => {
  const service = await udpService(t, extendedAnswer({ 'ann@example.org': [1, 100] }))
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  await client.ask(ann)
  const rounds = 5000
  for (let n = 0; n < rounds; n++) await client.ask(ann, n % 50)
  t.equal(client.counters.cached, rounds)
})

t.test('a dead backend is probed by a request that no mail waits for', async (t) => {
  let dead = true
  const answer = extendedAnswer({ 'ann@example.org': [1, 100] })
  const service = await udpService(t, (packet) => (dead ? undefined : answer(packet)))
  const { client, log, clock } = clientOf(t, `quotad:127.0.0.1:${service.port}`, {
    QUOTATIMEOUT: '50',
  })
  const questions = () => new Set(service.heard).size
  await client.ask(ann)
  dead = false
  t.match(await client.ask(ann), { status: 'unknown' })
  t.equal(questions(), 1, 'it is backed off')
  clock.now += 1000
  const probe = once(service.socket, 'message')
  t.match(await client.ask(ann), { status: 'unknown' }, 'nobody waits')
  await probe
  while (log.length < 2) await new Promise(setImmediate)
  t.match(log[1], /answers again$/)
  t.match(await client.ask(ann), { status: 'room' })
  t.equal(questions(), 2, 'and its answer is remembered')
})

t.test('each failed probe has a backend backed off for longer, up to half a minute', async (t) => {
  const service = await udpService(t, () => undefined)
  const { client, log, clock } = clientOf(t, `udp:127.0.0.1:${service.port}`, {
    QUOTATIMEOUT: '10',
  })
  await client.ask(ann)
  const pauses = [1, 2, 4, 8, 16, 30, 30]
  for (const [index, pause] of pauses.entries()) {
    t.match(log[index], new RegExp(`tried again after ${pause} s$`))
    clock.now += pause * 1000
    await client.ask(ben)
    while (log.length < index + 2) await new Promise((resolve) => setTimeout(resolve, 2))
  }
})

t.test('a dead backend does not delay questions to another one', async (t) => {
  const dead = await udpService(t, () => undefined)
  const alive = await udpService(t, extendedAnswer({ 'ben@example.org': [9, 9] }))
  const backends = [dead, alive].map(({ port }) => readBackend(`quotad:127.0.0.1:${port}`, ''))
  const { client } = clientOf(t, backends[0]!.text, { QUOTATIMEOUT: '50' }, (address) => {
    return backends[address.local === 'ann' ? 0 : 1]
  })
  await client.ask(ann)
  t.match(await client.ask(ben), { status: 'full' })
})

t.test('the same name at two services means two mailboxes', async (t) => {
  const full = await udpService(t, extendedAnswer({ ann: [9, 9] }))
  const empty = await udpService(t, extendedAnswer({ ann: [0, 9] }))
  const of = ({ port }: { port: number }) => `quotad:127.0.0.1:${port}`
  const map = backendMap(t, `@example.org ${of(full)}\n@example.net ${of(empty)}\n`)
  const { client } = clientOf(t, of(full), { QUOTANAME: 'local' }, map)
  t.match(await client.ask(ann), { status: 'full' })
  t.match(await client.ask(readAddress('ann@example.net')), { status: 'room' })
  t.match([full.heard, empty.heard], [[/^CHECK_QUOTA ann /], [/^CHECK_QUOTA ann /]])
})

t.test('if no backend of a mailbox is known, the recipient passes', async (t) => {
  const reason = async (backendOf: () => undefined | Promise<undefined>) => {
    const { client } = clientOf(t, 'udp:127.0.0.1:9', {}, backendOf)
    const answer = await client.ask(ann)
    return answer.status === 'unknown' && answer.reason
  }
  t.match(await reason(() => undefined), /QUOTAD names no service for this address/)
  t.match(await reason(() => Promise.reject(new Error('LDAP is down'))), /LDAP is down/)
})

t.test('counters are logged as a line of names and numbers', async (t) => {
  const { client } = clientOf(t, 'udp:127.0.0.1:9')
  t.match(countersLine(client.counters), /^quota questions=0 asked=0 .* no_such_user=0 /)
})

t.test('a user missing from the directory does not exist, which is cached', async (t) => {
  let asked = 0
  const { client } = clientOf(t, 'udp:127.0.0.1:1', {}, async () => {
    asked++
    return 'no-such-user' as const
  })
  t.match(await client.explain(ann), {
    answer: { status: 'no-such-user' },
    isUnknownUser: true,
    source: 'LDAP',
  })
  t.same(await client.ask(ann), { status: 'no-such-user' })
  t.equal(asked, 1)
  t.match(client.counters, { questions: 1, noSuchUser: 1, unknown: 0, cached: 1 })
})
