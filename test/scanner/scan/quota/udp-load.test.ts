import t from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { clientOf, udpService } from './services.ts'

const SOCKETS_MAX = 512

/** Thousands of questions by datagram at once, to services that are silent or late. */

t.test('a silent service takes a bounded number of sockets', async (t) => {
  const service = await udpService(t, () => undefined)
  const { client, clock } = clientOf(t, `udp:127.0.0.1:${service.port}`, { QUOTATIMEOUT: '500' })
  for (let round = 0; round < 2; round++) {
    const names = Array.from({ length: 2 * SOCKETS_MAX }, (_, i) => `${round}.${i}@example.org`)
    const answers = await Promise.all(names.map((name) => client.ask(readAddress(name))))
    t.ok(answers.every(({ status: answer }) => answer === 'unknown'))
    clock.now += 60_000
  }
  const ports = new Set(service.senders.map(({ port }) => port))
  t.ok(ports.size > 0 && ports.size <= SOCKETS_MAX, `${ports.size} sockets`)
  const asked = new Set(service.senders.map(({ port }, i) => `${port} ${service.heard[i]}`))
  t.equal(asked.size, ports.size, 'and none served two questions')
})

const QUESTIONS = isWhole ? 16_000 : 2000

/** Asks `total` questions, `atOnce` at a time, each about another mailbox. */
async function askMany(
  total: number,
  atOnce: number,
  ask: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < total) await ask(next++)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

// promise: bad-quota-service
t.test('no question of thousands gets the answer to another', async (t) => {
  const isFull = (packet: string) => Number(/\d+/.exec(packet)?.[0]) % 2 === 1
  const heard = new Map<string, number>()
  const late: NodeJS.Timeout[] = []
  const service = await udpService(t, (packet, from) => {
    const times = (heard.get(packet) ?? 0) + 1
    heard.set(packet, times)
    const answer = isFull(packet) ? 'QUOTA_FULL' : 'QUOTA_OK'
    const send = () => {
      try {
        service.socket.send(answer, from.port, from.address)
      } catch {
        // The test has ended.
      }
    }
    // Every eighth question is asked twice before it is answered, and then twice.
    const index = Number(/\d+/.exec(packet)?.[0])
    const wait = index % 8 === 0 ? 2100 + Math.random() * 1600 : 0
    if (wait > 0) late.push(setTimeout(send, wait))
    else send()
    return undefined
  })
  t.teardown(() => late.forEach(clearTimeout))
  service.socket.setRecvBufferSize(4 * 1024 * 1024)
  const env = { QUOTATIMEOUT: '6000' }
  const { client } = clientOf(t, `udp:127.0.0.1:${service.port}`, env, undefined, () =>
    performance.now(),
  )
  let wrong = 0
  let unanswered = 0
  const check = async (index: number) => {
    const { status: answer } = await client.ask(readAddress(`user${index}@example.org`))
    if (answer === 'unknown') unanswered++
    else if ((answer === 'full') !== (index % 2 === 1)) wrong++
  }
  await askMany(QUESTIONS, 256, check)
  t.equal(wrong, 0, 'no wrong answer')
  // Under load many come too late, which is right; the others must be enough to find a wrong one.
  t.ok(unanswered < (QUESTIONS * 15) / 16, `${unanswered} without an answer`)
  const twice = [...heard.values()].filter((times) => times > 1).length >= QUESTIONS / 16
  t.ok(twice, 'many were asked twice')
  const asked = service.heard.length
  await askMany(QUESTIONS, 256, check)
  t.equal(wrong, 0, 'nothing wrong is remembered')
  t.comment(`${asked} packets, ${service.heard.length - asked} more for what was not remembered`)
})
