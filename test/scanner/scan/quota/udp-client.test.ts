import type { Socket } from 'node:dgram'
import t from 'tap'
import {
  QUESTION_RETRIES,
  UdpClient,
  UdpSockets,
} from '../../../../src/scanner/scan/quota/ask-by-udp.ts'
import type { UdpBackend } from '../../../../src/scanner/scan/quota/quota-settings.ts'
import { until } from '../../../run/until.ts'
import { extendedAnswer, type UdpService, udpService } from './services.ts'

/** The UDP client and its sockets: when they are taken, kept and given back. */

const ann = { name: 'ann', incoming: 0 }

/** A client of a service, whose sockets are counted. */
function clientOf(service: UdpService, { isExtended = false, ...own }: Own = {}) {
  const { port } = service
  const backend: UdpBackend = { kind: 'udp', host: '127.0.0.1', port, isExtended, text: 'service' }
  const given: Socket[] = []
  class CountedSockets extends UdpSockets {
    override take(...about: Parameters<UdpSockets['take']>) {
      return own.take ? own.take(...about) : super.take(...about)
    }
    override giveBack(socket: Socket) {
      given.push(socket)
      super.giveBack(socket)
    }
  }
  const client = new UdpClient(new CountedSockets())
  const ask = (times = { timeout: 10_000 }, question = ann) => client.ask(backend, question, times)
  return { ask, given, backend }
}

interface Own {
  readonly isExtended?: boolean
  readonly take?: UdpSockets['take']
}

/** The signal of a question whose time is not over. */
const { signal } = new AbortController()

t.test('a silent service is asked three times at most, and the reason is reported', async (t) => {
  const service = await udpService(t, () => undefined)
  const { ask, given } = clientOf(service)
  t.same(await ask({ timeout: 60 }), {
    status: 'unknown',
    reason: 'no answer in 60 ms',
    failure: { counted: 'noAnswer', isBackendUp: false },
  })
  await until(() => service.heard.length > 0, 'the service has read the question')
  t.ok(service.heard.length <= 1 + QUESTION_RETRIES)
  t.equal(given.length, 0, 'the answer may still come')
})

t.test('an extended question leaves its socket at once, whatever is unanswered', async (t) => {
  const answer = extendedAnswer({ ann: [1, 2] })
  const service = await udpService(t, (packet) => {
    return service.heard.length < 2 ? undefined : answer(packet)
  })
  const { ask, given } = clientOf(service, { isExtended: true })
  t.match(await ask({ timeout: 5000 }), { status: 'room' })
  t.equal(given.length, 1)
})

t.test('a socket is kept until the last datagram has its answer', async (t) => {
  const answers: (() => void)[] = []
  const service = await udpService(t, (_, { port, address }) => {
    answers.push(() => service.socket.send('QUOTA_FULL', port, address))
    if (answers.length === 3) answers.shift()!()
    return undefined
  })
  const { ask, given } = clientOf(service)
  t.match(await ask({ timeout: 6000 }), { status: 'full' })
  t.equal(given.length, 0, 'two or more are not answered')
  answers.shift()!()
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(given.length, 0, 'one is not answered')
  for (const answer of answers) answer()
  await until(() => given.length === 1, 'the socket is given back')
  t.equal(service.heard.length, answers.length + 2, 'and nothing was sent any more')
})

t.test('a question ends with the error of the system', async (t) => {
  const service = await udpService(t, () => undefined)
  const noSocket = clientOf(service, { take: () => Promise.reject(new Error('EMFILE')) })
  t.match(await noSocket.ask(), {
    status: 'unknown',
    reason: 'EMFILE',
    failure: { counted: 'noAnswer' },
  })
  const tooLong = clientOf(service)
  const name = 'x'.repeat(70_000)
  t.match(await tooLong.ask(undefined, { name, incoming: 0 }), { reason: /EMSGSIZE/ })
  t.equal(tooLong.given.length, 1)
})

t.test('a socket that comes after the time of its question is given back unused', async (t) => {
  const service = await udpService(t, () => 'QUOTA_OK')
  let deliver = () => {}
  const late = new Promise<void>((resolve) => {
    deliver = resolve
  })
  const { ask, given } = clientOf(service, {
    async take(backend, over) {
      await late
      t.ok(over.aborted, 'the question is over')
      return await new UdpSockets().take(backend, signal)
    },
  })
  t.match(await ask({ timeout: 20 }), { reason: 'no answer in 20 ms' })
  deliver()
  while (given.length === 0) await new Promise((resolve) => setImmediate(resolve))
  t.same(service.heard, [])
})

t.test('the number of open sockets is limited, and the next question waits for one', async (t) => {
  const service = await udpService(t, () => undefined)
  const { backend } = clientOf(service)
  const extended = { ...backend, isExtended: true }
  const sockets = new UdpSockets(2)
  const take = () => sockets.take(extended, signal)
  const [first, second] = await Promise.all([take(), take()])
  let isTaken = false
  const third = take().then((socket) => {
    isTaken = true
    return socket
  })
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.notOk(isTaken)
  t.equal(first!.listenerCount('message'), 0)
  sockets.giveBack(first!)
  const socket = await third
  t.not(socket!.address().port, second!.address().port)
  sockets.giveBack(second!)
  sockets.giveBack(socket!)
  const unwanted = await Promise.all(
    [1, 2, 3].map(() => sockets.take(extended, AbortSignal.abort())),
  )
  t.same(unwanted, [undefined, undefined, undefined], 'and a question that is over holds none')
  const again = await Promise.all([take(), take()])
  for (const socket of again) sockets.giveBack(socket!)
})

t.test('a socket of a host that does not exist is an error, and is given back', async (t) => {
  const service = await udpService(t, () => undefined)
  const { backend } = clientOf(service)
  const sockets = new UdpSockets(1)
  const nowhere = { ...backend, host: '256.256.256.256' }
  await t.rejects(sockets.take(nowhere, signal))
  const socket = await sockets.take(backend, signal)
  t.ok(socket, 'there is one for the next question')
  sockets.giveBack(socket!)
})

t.test('services of IPv6 are asked, too', async (t) => {
  const { backend } = clientOf(await udpService(t, () => undefined))
  const sockets = new UdpSockets()
  const v6 = { ...backend, host: '::1' }
  const socket = (await sockets.take(v6, signal))!
  t.equal(socket.remoteAddress().family, 'IPv6')
  sockets.giveBack(socket)
})
