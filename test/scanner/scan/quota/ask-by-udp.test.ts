import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import t from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import { ann, ben, clientOf, extendedAnswer, udpService } from './services.ts'

/** Questions by datagram, to services that answer, send something else, and are silent. */

t.test('an older service is asked for the name alone, and its one word counts', async (t) => {
  const service = await udpService(t, (packet) => {
    return packet === 'CHECK_QUOTA ann@example.org' ? 'QUOTA_FULL' : 'QUOTA_OK'
  })
  const { client } = clientOf(t, `udp:127.0.0.1:${service.port}`)
  t.same(await client.ask(ann, 5000), { status: 'full' })
  t.same(await client.ask(ben, 5000), { status: 'room' })
  t.same(service.heard, ['CHECK_QUOTA ann@example.org', 'CHECK_QUOTA ben@example.org'])
})

t.test('onescan-quotad receives the size and a nonce, and returns the usage', async (t) => {
  const service = await udpService(t, extendedAnswer({ 'ann@example.org': [90, 100] }))
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  t.same(await client.ask(ann, 5), { status: 'room', usage: { size: 90, quota: 100 } })
  t.match(service.heard[0], /^CHECK_QUOTA ann@example\.org 5 [0-9a-f]{16}$/)
  t.same(await client.ask(ben), { status: 'no-such-user' })
  t.not(service.heard[1]!.split(' ')[3], service.heard[0]!.split(' ')[3], 'another nonce')
})

t.test('with QUOTANAME=local the name is the part before the last @', async (t) => {
  const service = await udpService(t, () => 'QUOTA_OK')
  const { client } = clientOf(t, `udp:127.0.0.1:${service.port}`, { QUOTANAME: 'local' })
  await client.ask(readAddress('a@b@Example.ORG'))
  t.same(service.heard, ['CHECK_QUOTA a@b'])
})

t.test('each question has a port of its own', async (t) => {
  const service = await udpService(t, extendedAnswer({}))
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
  await Promise.all([ann, ben, readAddress('cy')].map((name) => client.ask(name)))
  t.equal(new Set(service.senders.map(({ port }) => port)).size, 3)
})

const invalid: Readonly<Record<string, (nonce: string) => string>> = {
  'another name': (nonce) => `QUOTA_FULL ben@example.org 9 9 ${nonce}`,
  'another nonce': () => 'QUOTA_FULL ann@example.org 9 9 0123456789abcdef',
  nothing: () => '',
  'too much': (nonce) => `QUOTA_FULL ann@example.org 9 9 ${'x'.repeat(5000)} ${nonce}`,
}

for (const [what, answerWith] of Object.entries(invalid)) {
  t.test(`an answer with ${what} is passed over, and the true one after it counts`, async (t) => {
    const service = await udpService(t, (packet) => {
      const nonce = packet.split(' ')[3]!
      return [answerWith(nonce), `QUOTA_OK ann@example.org 1 9 ${nonce}`]
    })
    const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`)
    t.same(await client.ask(ann), { status: 'room', usage: { size: 1, quota: 9 } })
  })
}

t.test('the recipient passes if all answers are broken, which is logged', async (t) => {
  const service = await udpService(t, () => 'QUOTA_FULL of cheese')
  const { client, log } = clientOf(t, `quotad:127.0.0.1:${service.port}`, { QUOTATIMEOUT: '1500' })
  t.match(await client.ask(ann), { status: 'unknown', reason: /3 invalid datagrams/ })
  t.match(log, [/^quota: quotad:127\.0\.0\.1:\d+: no answer in 1.5 s, only 3 invalid datagrams/])
  t.equal(client.counters.brokenAnswer, 1)
  t.equal(client.counters.unknown, 1)
})

// promise: bad-quota-service
t.test('a datagram from another socket to the port of a question is ignored', async (t) => {
  const stranger = createSocket('udp4')
  t.teardown(() => stranger.close())
  stranger.bind(0, '127.0.0.1')
  await once(stranger, 'listening')
  const service = await udpService(t, (_, from) => {
    stranger.send('QUOTA_FULL', from.port, from.address, () => {
      service.socket.send('QUOTA_OK', from.port, from.address)
    })
    return undefined
  })
  const { client } = clientOf(t, `udp:127.0.0.1:${service.port}`, { QUOTATIMEOUT: '10000' })
  t.same(await client.ask(ann), { status: 'room' })
})

t.test('a late answer is not taken for the answer to a later question', async (t) => {
  const late: { port: number; address: string }[] = []
  const service = await udpService(t, (packet, from) => {
    if (packet.endsWith('ann@example.org')) {
      late.push(from)
      return undefined
    }
    for (const { port, address } of late) service.socket.send('QUOTA_FULL', port, address)
    return 'QUOTA_OK'
  })
  const { client, clock } = clientOf(t, `udp:127.0.0.1:${service.port}`, { QUOTATIMEOUT: '50' })
  t.match(await client.ask(ann), { status: 'unknown', reason: 'no answer in 50 ms' })
  clock.now += 60_000
  await client.ask(ben) // the probe, which nobody waits for
  t.equal(new Set(late.map(({ port }) => port)).size, 1)
})

t.test('a datagram that was lost is sent again, with the same nonce', async (t) => {
  const answer = extendedAnswer({ 'ann@example.org': [1, 2] })
  const service = await udpService(t, (packet) => {
    return service.heard.length < 3 ? undefined : answer(packet)
  })
  const { client } = clientOf(t, `quotad:127.0.0.1:${service.port}`, { QUOTATIMEOUT: '2000' })
  t.match(await client.ask(ann), { status: 'room' })
  t.equal(service.heard.length, 3)
  t.equal(new Set(service.heard).size, 1)
})

t.test('if nothing listens on the port, the answer comes at once', async (t) => {
  const service = await udpService(t, () => undefined)
  service.socket.close()
  await once(service.socket, 'close')
  const { client, log } = clientOf(t, `udp:127.0.0.1:${service.port}`, { QUOTATIMEOUT: '60000' })
  t.match(await client.ask(ann), { status: 'unknown', reason: /nothing listens there/ })
  t.match(log, [
    /nothing listens there.*; recipients are accepted, and the service is tried again after 1 s$/,
  ])
})

t.test('names that would break the protocol are not asked about', async (t) => {
  const service = await udpService(t, () => 'QUOTA_FULL')
  const { client } = clientOf(t, `udp:127.0.0.1:${service.port}`)
  const names = ['', '@x', 'a b@x', 'a\0b@x', 'a\nQUOTA', '../../etc', 'a/b@x', 'a..b@x', 'a\x7f']
  names.push('x'.repeat(256), 'x'.repeat(10_000))
  for (const name of names) {
    const none = { status: 'unknown', reason: 'is not the name of a mailbox' }
    t.same(await client.ask(readAddress(name)), none, name.slice(0, 20))
  }
  t.match(client.counters, { asked: 0, unknown: names.length })
  t.same(service.heard, [])
  t.same(await client.ask(readAddress('m\xfcller@x')), { status: 'full' })
  t.same(service.heard, ['CHECK_QUOTA m\xfcller@x'])
})
