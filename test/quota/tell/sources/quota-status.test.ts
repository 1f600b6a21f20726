import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  policyAction,
  policyQuestion,
  quotaStatus,
  readingOf,
} from '../../../../src/quota/tell/sources/quota-status.ts'
import { socketDirectory } from '../../../programs/socket-directory.ts'

const measure = { incoming: 5, defaultLimits: {} }

/** Starts a service that treats each connection as the test says. Returns the source that asks it. */
async function serve(t: Test, talk: (socket: Socket) => void, timeout = 20_000) {
  const path = join(socketDirectory(t), 'status')
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket)
  }).listen(path)
  await once(server, 'listening')
  t.teardown(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const read = quotaStatus({ address: `unix:${path}`, timeout })
  return { sockets, ask: async (user = 'ann') => read({ path: user, fixed: user.length }, measure) }
}

/** Answers each complete request. */
const answering = (answer: (request: string) => string) => (socket: Socket) => {
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
    while (heard.includes('\n\n')) {
      const end = heard.indexOf('\n\n') + 2
      socket.write(answer(heard.slice(0, end)))
      heard = heard.slice(end)
    }
  })
}

t.test('a request has the attributes that quota-status needs', async (t) => {
  t.equal(
    policyQuestion('ann\xe4@example.org', 5).toString('latin1'),
    'request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=ann\xe4@example.org\nsize=5\n\n',
  )
})

t.test('only the usual actions are understood', async (t) => {
  for (const action of ['OK', 'DUNNO', 'dunno', 'permit']) {
    t.match(readingOf(action), { found: 'compared', full: false }, action)
  }
  for (const action of [
    '552 5.2.2 Mailbox is full',
    '554 5.2.2 Quota exceeded (mailbox for user is full)',
    '452 4.2.2 full',
    '552 no room',
    'REJECT 5.2.2 full',
    '5.2.2 full',
  ]) {
    t.match(readingOf(action), { found: 'compared', full: true }, action)
  }
  for (const action of ['REJECT Unknown user', '550 5.1.1 nobody', 'REJECT 5.1.1 nobody']) {
    t.match(readingOf(action), { found: 'no-such-user' }, action)
  }
  for (const action of [
    '',
    'DEFER_IF_PERMIT Internal error',
    '550 no',
    'REJECT',
    'OKAY',
    '451 x',
  ]) {
    t.match(readingOf(action), { found: 'trouble' }, action)
  }
})

t.test('an answer is read once it is complete', async (t) => {
  const answer = 'x=y\naction=552 5.2.2 full\n\n'
  fc.assert(
    fc.property(fc.nat(answer.length), (length) => {
      const part = Buffer.from(answer.slice(0, length))
      t.equal(policyAction(part), length < answer.length ? undefined : '552 5.2.2 full')
    }),
  )
  t.equal(policyAction(Buffer.from('\n\n')), '')
  t.equal(policyAction(Buffer.from('reaction=OK\n\n')), '')
})

t.test('connections are kept, and one that the service closed is replaced', async (t) => {
  const { sockets, ask } = await serve(
    t,
    answering(() => 'action=DUNNO\n\n'),
  )
  for (let i = 0; i < 3; i++) t.match(await ask(), { found: 'compared', full: false })
  t.equal(sockets.size, 1)
  const [first] = sockets
  first!.destroy()
  t.match(await ask(), { found: 'compared', full: false })
  t.equal(sockets.size, 2)
})

t.test("questions at the same time do not get one another's answer", async (t) => {
  const { ask } = await serve(
    t,
    answering((request) =>
      request.includes('recipient=bob\n') ? 'action=552 5.2.2\n\n' : 'action=OK\n\n',
    ),
  )
  const users = Array.from({ length: 40 }, (_, i) => (i % 3 ? 'ann' : 'bob'))
  const answers = await Promise.all(users.map((user) => ask(user)))
  for (const [i, user] of users.entries()) t.match(answers[i], { full: user === 'bob' })
})

t.test(
  'a service that closes, lies, never ends or never answers makes no mailbox full',
  async (t) => {
    const closing = await serve(t, (socket) => socket.end('action=552 5.2.2'))
    t.match(await closing.ask(), { found: 'trouble', why: /closed without an answer/ })
    const lying = await serve(
      t,
      answering(() => 'HTTP/1.1 552 5.2.2\n\n'),
    )
    t.match(await lying.ask(), { found: 'trouble', why: /answered nothing/ })
    const endless = await serve(
      t,
      answering(() => 'x'.repeat(10_000)),
    )
    t.match(await endless.ask(), { found: 'trouble', why: /without end/ })
    const silent = await serve(t, () => {}, 50)
    t.match(await silent.ask(), { found: 'trouble', why: /no answer in time/ })
    const missing = quotaStatus({ address: 'unix:/nowhere/status', timeout: 1000 })
    t.match(await missing({ path: 'ann', fixed: 3 }, measure), {
      found: 'trouble',
      why: /quota-status unix:.*ENOENT/,
    })
  },
)

t.test('a bounded number of connections waits for a silent service', async (t) => {
  const { ask } = await serve(t, () => {}, 2000)
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask()))
  const refused = answers.filter(
    (answer) => 'why' in answer && /64 questions wait/.test(answer.why),
  )
  t.equal(refused.length, 36)
})
