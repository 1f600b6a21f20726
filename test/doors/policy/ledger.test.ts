import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { writeAttributes } from '../../../src/protocol/policy-attributes.ts'
import { createRandom } from '../../run/random.ts'
import { until } from '../../run/until.ts'
import { clientOf, extendedAnswer, udpService } from '../../scan/quota/services.ts'
import { mailboxes, openPolicyDoor } from './rig.ts'

const REQUEST_MAX = 64 * 1024

/**
 * Clients of the policy service that break off, send nonsense, leave answers unread or come in crowds,
 * and quota services that lose questions, drawn at random: whatever happens to a request, its
 * connection, its memory and its descriptors are given back.
 */

const descriptors = () => readdirSync('/proc/self/fd').length

t.test('when all clients have left, no request is under way, no descriptor open', async (t) => {
  const { below, once: oneIn, pick } = createRandom(3)
  const answer = extendedAnswer(mailboxes)
  const backend = await udpService(t, (packet) => (oneIn(8) ? undefined : answer(packet)))
  const env = { QUOTATIMEOUT: '50' }
  let time = 0
  const nextDay = () => (time += 86_400_000) // no cached answer still counts then
  const address = `quotad:127.0.0.1:${backend.port}`
  const { client } = clientOf(t, address, env, undefined, nextDay)
  let asked = 0
  let answered = 0
  const quota = {
    askForRelayClients: client.askForRelayClients,
    async ask(...question: Parameters<typeof client.ask>) {
      asked++
      try {
        return await client.ask(...question)
      } finally {
        answered++
      }
    },
  }
  const policy = { quota, isOff: () => oneIn(20), log: () => {} }
  const { service, port } = await openPolicyDoor(t, policy, 4)
  await client.ask({ text: 'a@b', local: 'a', domain: 'b' }) // its sockets stay open
  await client.settled()
  // The service keeps two descriptors of its own from its first client on.
  const first = connect({ port, host: '127.0.0.1' })
  await once(first, 'connect')
  first.destroy()
  await until(() => service.state().clients === 0, 'the first client has left')
  const before = descriptors()

  const request = () =>
    writeAttributes({
      request: pick(['smtpd_access_policy', 'nonsense']),
      protocol_state: pick(['RCPT', 'RCPT', 'RCPT', 'DATA']),
      recipient: pick([...Object.keys(mailboxes), `user${below(1000)}@example.org`, '']),
      sender: 'x'.repeat(pick([1, 300])),
      size: pick(['0', '51', 'much']),
    })
  const nonsense = () =>
    pick([
      Buffer.from('\n'),
      Buffer.from('no attribute\n\n'),
      Buffer.from(`a=${'x'.repeat(REQUEST_MAX)}`),
      request().subarray(0, 40),
    ])
  function leave(socket: Socket): void {
    const ways = [() => socket.destroy(), () => socket.resetAndDestroy(), () => socket.end()]
    pick(ways)()
  }
  async function converse(): Promise<void> {
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    const closed = new Promise((resolve) => socket.on('close', resolve))
    if (oneIn(3)) socket.pause()
    else socket.resume()
    for (let n = pick([0, 1, 3, 600]); n > 0 && !socket.destroyed; n--) {
      socket.write(oneIn(100) ? nonsense() : request())
      if (oneIn(10)) await new Promise(setImmediate)
    }
    if (oneIn(4)) socket.write(nonsense())
    leave(socket)
    socket.resume()
    await closed
  }
  for (let round = 0; round < 30; round++) {
    await Promise.all(Array.from({ length: 8 }, converse))
    await until(() => service.state().clients === 0, 'all clients have left')
    await until(() => answered === asked, 'those whose client has left are answered, too')
  }
  await client.settled()
  t.ok(asked > 100, `${asked} questions`)
  await until(() => descriptors() <= before, 'all descriptors are closed')
  t.equal(descriptors(), before)
})
