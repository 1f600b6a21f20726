import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { quotaStatus } from '../../../src/quota/sources/quota-status.ts'
import { listen } from '../../programs/host/listen.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'

const measure = { incoming: 5, limits: undefined, defaultLimits: {} }

/** Starts a service that treats each connection as the test defines. Returns the source that asks it. */
async function serve(t: Test, talk: (socket: Socket) => void, timeout = 20_000) {
  const path = join(socketDirectory(t), 'status')
  await listen(t, createServer(talk), path)
  const read = quotaStatus({ path }, `unix:${path}`, timeout)
  return { ask: async (user = 'ann') => read({ path: user, fixed: user.length }, measure) }
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
  const requests: string[] = []
  const talk = answering((request) => {
    requests.push(request)
    return 'action= DUNNO \n\n'
  })
  const { ask } = await serve(t, talk)
  t.match(await ask('ann\xe4@example.org'), { kind: 'compared', isFull: false })
  t.same(requests, [
    'request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=ann\xe4@example.org\nsize=5\n\n',
  ])
})

t.test('only the usual actions are understood', async (t) => {
  let sent = ''
  const { ask } = await serve(
    t,
    answering(() => `action=${sent}\n\n`),
  )
  const answerTo = (action: string) => {
    sent = action
    return ask()
  }
  for (const action of ['OK', 'DUNNO', 'dunno', 'permit']) {
    t.match(await answerTo(action), { kind: 'compared', isFull: false }, action)
  }
  const long = '554 5.2.2 Quota exceeded (mailbox for user is full)'
  for (const action of [
    long,
    '552 5.2.2 Mailbox is full',
    '452 4.2.2 full',
    '552 no room',
    'REJECT 5.2.2 full',
    '5.2.2 full',
    'DEFER_IF_PERMIT 4.2.2 full',
    'REJECT Mailbox is full',
    '554 Mailbox full',
    'DEFER quota exceeded',
    '450 <bob@example.org>: 4.2.2 try again later',
    '550 <bob@example.org> (5.2.2) over the limit',
    'REJECT bob: #5.2.2',
    'DEFER bob has no room: 4.2.2.',
  ]) {
    t.match(await answerTo(action), { kind: 'compared', isFull: true }, action)
  }
  for (const action of [
    'REJECT Unknown user',
    '550 5.1.1 nobody',
    'REJECT 5.1.1 nobody',
    '550 5.1.1 nobody, so not 5.2.2',
  ]) {
    t.match(await answerTo(action), { kind: 'no-such-user' }, action)
  }
  const others = [
    ...['', 'DEFER_IF_PERMIT Internal error', '550 no', 'REJECT', 'OKAY', '451 x'],
    ...['451 from 10.4.2.2', '451 4.2.2.1 is away', '451 4.2.20', 'PREPEND X-Code: 5.2.2'],
  ]
  for (const action of others) {
    t.match(await answerTo(action), { kind: 'trouble' }, action)
  }
})

t.test("questions at the same time do not get one another's answer", async (t) => {
  const talk = answering((request) =>
    request.includes('recipient=bob\n') ? 'action=552 5.2.2\n\n' : 'action=OK\n\n',
  )
  const { ask } = await serve(t, talk)
  const users = Array.from({ length: 40 }, (_, i) => (i % 3 ? 'ann' : 'bob'))
  const answers = await Promise.all(users.map((user) => ask(user)))
  for (const [i, user] of users.entries()) t.match(answers[i], { isFull: user === 'bob' })
})

t.test('a service that closes, is endless, silent or invalid makes nothing full', async (t) => {
  for (const [talk, reason] of [
    [(socket: Socket) => socket.end('action=552 5.2.2'), /closes the connection/],
    [answering(() => 'HTTP/1.1 552 5.2.2\n\n'), /is not an attribute/],
    [answering(() => 'reaction=OK\n\n'), /answered nothing/],
    [answering(() => 'x'.repeat(100_000)), /more than \d+ bytes/],
  ] as const) {
    t.match(await (await serve(t, talk)).ask(), { kind: 'trouble', reason })
  }
  const silent = await serve(t, () => {}, 50)
  t.match(await silent.ask(), { kind: 'trouble', reason: /no answer in 50 ms/ })
  const missing = quotaStatus({ path: '/nowhere/status' }, 'unix:/nowhere/status', 1000)
  t.match(await missing({ path: 'ann', fixed: 3 }, measure), {
    kind: 'trouble',
    reason: /quota-status unix:.*no such file or directory/,
  })
})

t.test('a bounded number of connections waits for a silent service', async (t) => {
  const { ask } = await serve(t, () => {}, 2000)
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask()))
  const refused = answers.filter(
    (answer) => 'reason' in answer && /64 requests are already waiting/.test(answer.reason),
  )
  t.equal(refused.length, 36)
})
