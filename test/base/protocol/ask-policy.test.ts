import { createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { askPolicy } from '../../../src/base/protocol/policy-attributes.ts'
import { listen } from '../../programs/host/listen.ts'

const REQUEST_MAX = 64 * 1024

/** The client of policy services, against services that lie, stop and never end. */

const QUESTION = { request: 'smtpd_access_policy', recipient: 'ann@example.org' }

async function ask(t: Test, timeout: number, talk: (socket: Socket) => void) {
  const port = await listen(t, createServer(talk))
  return askPolicy({ host: '127.0.0.1', port }, QUESTION, timeout)
}

t.test('the answer comes with all its attributes, however it is split', async (t) => {
  const answer = await ask(t, 20_000, (socket) => {
    socket.once('data', (question) => {
      t.equal(String(question), 'request=smtpd_access_policy\nrecipient=ann@example.org\n\n')
      socket.write('action=DUN')
      setImmediate(() => socket.write('NO\nx=y\n'))
      setTimeout(() => socket.write('\nsecond=answer\n\n'), 20)
    })
  })
  t.same(Object.fromEntries(answer), { action: 'DUNNO', x: 'y' })
})

t.test('an answer that comes a byte at a time is not waited for longer', async (t) => {
  const asked = ask(t, 300, (socket) => {
    socket.write('why=')
    const drip = setInterval(() => socket.write('x'), 20)
    socket.once('close', () => clearInterval(drip))
  })
  await t.rejects(asked, { message: 'no answer in 300 ms' })
})

t.test(
  'a service that is silent, closes, is endless or sends another format is reported',
  async (t) => {
    await t.rejects(
      ask(t, 50, () => {}),
      { message: 'no answer in 50 ms' },
    )
    const closing = (socket: Socket) => void socket.end('action=DUNNO\n')
    await t.rejects(ask(t, 20_000, closing), { message: 'closes the connection' })
    const invalid = (socket: Socket) => void socket.write('HTTP/1.1 400 Bad Request\n\n')
    await t.rejects(ask(t, 20_000, invalid), { message: /is not an attribute/ })
    const endless = (socket: Socket) => void socket.write('x'.repeat(REQUEST_MAX + 1))
    await t.rejects(ask(t, 20_000, endless), { message: /more than 65536 bytes/ })
    await t.rejects(askPolicy({ path: '/nowhere' }, QUESTION, 20_000), { code: 'ENOENT' })
  },
)
