import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import t, { type Test } from 'tap'
import { serveHttp } from '../../src/quota/http-service.ts'
import { ServiceCounters } from '../../src/quota/quotad-log.ts'
import { serveUdp } from '../../src/quota/udp-service.ts'
import { askAt, spool, startQuotad } from './quotad.ts'

const mailboxes = {
  'ann/Maildir/maildirsize': '1000S\n400 4\n',
  'ann/Maildir/new/': '',
  'bob/Maildir/maildirsize': '1000S\n1000 4\n',
  'carl/Maildir/maildirsize': '0S\n5000 1\n',
  'dora@example.org/Maildir/maildirsize': '1000S\n7 1\n',
}

function start(t: Test, options: readonly string[] = []) {
  return startQuotad(t, { QUOTAMAILBOX: `maildir:${spool(t, mailboxes)}/%u/Maildir` }, options)
}

async function socketTo(t: Test, port: number): Promise<Socket> {
  const socket = createSocket('udp4')
  t.teardown(() => socket.close())
  socket.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

t.test('the plain question has the plain answer', async (t) => {
  const { ask } = await start(t)
  t.equal(await ask('CHECK_QUOTA ann'), 'QUOTA_OK')
  t.equal(await ask('CHECK_QUOTA bob'), 'QUOTA_FULL')
  t.equal(await ask('CHECK_QUOTA carl'), 'QUOTA_OK')
  t.equal(await ask('CHECK_QUOTA zoe'), 'QUOTA_UNKNOWN zoe')
  t.equal(await ask('CHECK_QUOTA Dora@Example.Org\n'), 'QUOTA_OK')
})

t.test('the extended answer has user, size and quota, and repeats the nonce', async (t) => {
  const { ask } = await start(t)
  t.equal(await ask('CHECK_QUOTA ann 0'), 'QUOTA_OK ann 400 1000')
  t.equal(await ask('CHECK_QUOTA ann 600 n0nce'), 'QUOTA_OK ann 400 1000 n0nce')
  t.equal(await ask('CHECK_QUOTA ann 601 n0nce'), 'QUOTA_FULL ann 400 1000 n0nce')
  t.equal(await ask('CHECK_QUOTA carl 600 n0nce'), 'QUOTA_OK carl 5000 0 n0nce')
  t.equal(await ask('CHECK_QUOTA zoe 600 n0nce'), 'QUOTA_UNKNOWN zoe n0nce')
  t.equal(await ask('CHECK_QUOTA ANN 1'), 'QUOTA_OK ANN 400 1000', 'the name of the question')
})

t.test('names that can be no mailbox are unknown users', async (t) => {
  const { ask } = await start(t)
  const long = 'x'.repeat(256)
  for (const name of ['../ann', '/ann', 'ann/Maildir', '..', '.', 'a..n', long, '@', '\xe9']) {
    const question = Buffer.from(`CHECK_QUOTA ${name}`, 'latin1')
    t.equal(await ask(question), `QUOTA_UNKNOWN ${name}`)
  }
})

t.test('a datagram that is not a question gets no answer, and is counted', async (t) => {
  const quotad = await start(t)
  const socket = await socketTo(t, quotad.udpPort)
  const answers: string[] = []
  socket.on('message', (answer) => answers.push(answer.toString('latin1')))
  const nonsense = [
    '',
    'CHECK_QUOTA',
    'CHECK_QUOTA ',
    'CHECK_QUOTA  ann',
    'CHECK_QUOTA ann\0',
    'CHECK_QUOTA an\0n',
    'CHECK_QUOTA ann -1',
    'CHECK_QUOTA ann 1 nonce more',
    `CHECK_QUOTA ann 1 ${'n'.repeat(65)}`,
    'CHECK_QUOTA ann 1234567890123456',
    `CHECK_QUOTA ${'x'.repeat(10_240)}`,
    'check_quota ann',
    'QUOTA_OK',
    '\xff'.repeat(1000),
  ]
  for (const datagram of nonsense) socket.send(Buffer.from(datagram, 'latin1'))
  socket.send('CHECK_QUOTA ann 1 last')
  await once(socket, 'message')
  t.same(answers, ['QUOTA_OK ann 400 1000 last'])
  t.match(await quotad.metrics(), `\nonescan_quota_malformed_total ${nonsense.length}\n`)
})

t.test('a client that is not allowed gets no answer', async (t) => {
  const counters = new ServiceCounters()
  const answerForName = () => ({ answer: { status: 'full' } }) as const
  const place = { host: '127.0.0.1', port: 0, text: 'here' }
  const options = { answerForName, mayAsk: () => false, counters, maxClients: 10 }
  const service = await serveUdp(place, options)
  const server = await serveHttp(place, options)
  t.teardown(() => {
    service.close()
    server.close()
  })
  const socket = await socketTo(t, service.address().port)
  socket.on('message', () => t.fail('it was answered'))
  const heard = once(service, 'message')
  socket.send('CHECK_QUOTA ann')
  await heard
  await t.rejects(fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/health`))
  t.equal(counters.refused, 2)
  t.equal(counters.udp + counters.http, 0)
})

const foreign = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ internal, family }) => !internal && family === 'IPv4')

if (foreign) {
  t.test('an address of this host that is not its loopback must be allowed, too', async (t) => {
    const open = await start(t, ['--udp', '0.0.0.0:0', '--allow', `${foreign.address}/32`])
    t.equal(await askAt(open.udpPort, 'CHECK_QUOTA ann', foreign.address), 'QUOTA_OK')
    const closed = await start(t, ['--http', '0.0.0.0:0', '--allow', '203.0.113.77'])
    await t.rejects(fetch(`${closed.url.replace('127.0.0.1', foreign.address)}/health`))
    t.match(await closed.metrics(), '\nonescan_quota_refused_total 1\n')
  })
}

t.test('each of a thousand questions, a hundred at a time, gets its own answer', async (t) => {
  const { udpPort } = await start(t)
  const socket = await socketTo(t, udpPort)
  const userOf = (nonce: number) => (nonce % 7 === 0 ? 'bob' : 'ann')
  const ask = (nonce: number) => socket.send(`CHECK_QUOTA ${userOf(nonce)} 1 ${nonce}`)
  const answered = new Set<string>()
  let asked = 0
  const all = new Promise<void>((resolve) => {
    socket.on('message', (answer) => {
      answered.add(answer.toString('latin1'))
      if (asked < 1000) ask(asked++)
      if (answered.size === 1000) resolve()
    })
  })
  while (asked < 100) ask(asked++)
  await all
  for (let nonce = 0; nonce < 1000; nonce++) {
    const verdict = userOf(nonce) === 'ann' ? 'QUOTA_OK ann 400' : 'QUOTA_FULL bob 1000'
    if (!answered.has(`${verdict} 1000 ${nonce}`)) t.fail(`${nonce} was not answered rightly`)
  }
})
