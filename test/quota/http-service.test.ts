import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { asOther, program, spool, startQuotad } from './quotad.ts'

const mailboxes = {
  'ann/Maildir/maildirsize': '1000S\n400 4\n',
  'bob/Maildir/maildirsize': '1000S\n1000 4\n',
  'carl/Maildir/maildirsize': '5C\n1000 4\n',
  'dora@example.org/Maildir/maildirsize': '1000S\n1 1\n',
}

async function start(t: Test, options: readonly string[] = []) {
  const directory = spool(t, mailboxes)
  const quotad = await startQuotad(t, { QUOTAMAILBOX: `maildir:${directory}/%u/Maildir` }, options)
  const cgi = (query: string, init?: RequestInit) =>
    fetch(`${quotad.url}/cgi-bin/quota.cgi${query}`, init)
  return { ...quotad, port: Number(new URL(quotad.url).port), cgi }
}

/** Sends a text on a new connection, and resolves to everything received until it ends. */
async function hear(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(Buffer.from(request, 'latin1'))
  let heard = ''
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1')
  })
  socket.on('error', () => {}) // such as a reset: `close` follows
  await new Promise((resolve) => socket.on('close', resolve))
  return heard
}

t.test('the answers are those of quota.cgi', async (t) => {
  const { cgi } = await start(t)
  const ann = await cgi('?u=ann')
  t.equal(ann.status, 200)
  t.equal(ann.headers.get('content-type'), 'text/plain')
  t.equal(ann.headers.get('x-quota-source'), 'maildirsize')
  t.equal(await ann.text(), 'OK ann 400 1000\n')
  t.equal(await (await cgi('?u=bob')).text(), 'OVERQUOTA bob 1000 1000\n')
  t.equal(await (await cgi('?u=carl')).text(), 'OK carl 1000 0\n', 'no limit of bytes')
  t.equal(await (await cgi('?x=1&u=dora%40example.org')).text(), 'OK dora@example.org 1 1000\n')
  t.equal((await cgi('?u=zoe')).status, 404)
})

t.test('HEAD is GET without the body; other methods are refused', async (t) => {
  const { cgi } = await start(t)
  const head = await cgi('?u=bob', { method: 'HEAD' })
  t.equal(head.status, 200)
  t.equal(head.headers.get('content-length'), `${'OVERQUOTA bob 1000 1000\n'.length}`)
  t.equal(await head.text(), '')
  t.equal((await cgi('?u=zoe', { method: 'HEAD' })).status, 404)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    const body = method === 'POST' ? { body: 'u=ann' } : {}
    const response = await cgi('?u=ann', { method, ...body })
    t.equal(response.status, 405, method)
    t.equal(response.headers.get('allow'), 'GET, HEAD')
  }
})

t.test('a request without a user, or with a malformed one, is answered with 400', async (t) => {
  const { cgi, url } = await start(t)
  for (const query of ['', '?', '?u=', '?u', '?U=ann', '?u=%', '?u=%4', '?u=%zz', '?xu=ann']) {
    t.equal((await cgi(query)).status, 400, query)
  }
  t.equal((await fetch(`${url}/`)).status, 404)
  t.equal((await fetch(`${url}/cgi-bin/quota.cgi/x?u=ann`)).status, 404)
})

t.test('names that can be no mailbox are not found', async (t) => {
  const { cgi } = await start(t)
  const hostile = '..%2fann %2e%2e/ann %2fann ann%00 ann%0a a+b a%20b .. %e9'.split(' ')
  for (const name of [...hostile, 'x'.repeat(256), 'x'.repeat(5000)]) {
    t.equal((await cgi(`?u=${name}`)).status, 404, name.slice(0, 20))
  }
  t.not((await cgi(`?u=${'x'.repeat(10_240)}`).catch(() => ({ status: 0 }))).status, 200)
})

t.test('one connection serves many requests', async (t) => {
  const { url } = await start(t)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const ports = new Set<number | undefined>()
  for (let i = 0; i < 3; i++) {
    const [response] = (await once(get(`${url}/health`, { agent }), 'response')) as [
      IncomingMessage,
    ]
    ports.add(response.socket.localPort)
    response.resume()
    await once(response, 'end')
  }
  t.equal(ports.size, 1)
})

t.test('requests are read from one packet, and byte by byte', async (t) => {
  const { port } = await start(t)
  const request = 'GET /cgi-bin/quota.cgi?u=ann HTTP/1.1\r\nHost: x\r\n\r\n'
  const last = request.replace('Host', 'Connection: close\r\nHost')
  t.equal((await hear(port, request + last)).match(/OK ann 400 1000\n/g)?.length, 2)

  const socket = connect(port, '127.0.0.1').setNoDelay()
  const heard = once(socket, 'data')
  for (const byte of request) {
    socket.write(byte)
    await new Promise(setImmediate)
  }
  t.match(String((await heard)[0]), /^HTTP\/1\.1 200 /)
  socket.destroy()
})

t.test('a slow client is cut off, and others are served meanwhile', async (t) => {
  const { port, cgi, metrics } = await start(t)
  const slow = hear(port, 'GET /cgi-bin/quota.cgi?u=ann HT')
  const silent = hear(port, '')
  t.equal((await cgi('?u=ann')).status, 200)
  t.match(await slow, /^HTTP\/1\.1 408 /)
  await silent
  t.match(await metrics(), /\nonescan_quota_dropped_total [12]\n/)
})

t.test('bytes that are not HTTP are refused, however many they are', async (t) => {
  const { port, cgi } = await start(t)
  t.match(await hear(port, 'CHECK_QUOTA ann\r\n\r\n'), /^HTTP\/1\.1 400 /)
  t.match(await hear(port, `GET /${'x'.repeat(20_000)}`), /^(HTTP\/1\.1 400 |$)/)
  t.match(await hear(port, 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'), /404/)
  t.equal((await cgi('?u=ann')).status, 200)
})

t.test('if there are too many connections, one that is idle ends with 503', async (t) => {
  const { port, metrics } = await start(t, ['--max-clients', '2'])
  const sockets = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
  for (const socket of sockets) {
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write('GET /hea')
  }
  // Without one that is idle long enough, the new one ends so.
  const answers: string[] = []
  while (!answers.at(-1)?.includes('serving')) {
    answers.push(await hear(port, 'GET /health HTTP/1.0\r\n\r\n'))
  }
  const [first] = await once(sockets[0]!, 'data')
  for (const answer of [...answers.slice(0, -1), String(first)]) {
    t.match(answer, /^HTTP\/1\.1 503 Service Unavailable\r\nRetry-After: 1\r\n/)
  }
  sockets[1]!.write('lth HTTP/1.0\r\n\r\n')
  t.match(String(await once(sockets[1]!, 'data')), /^HTTP\/1\.1 200 /)
  t.match(await metrics(), `\nonescan_quota_dropped_total ${answers.length}\n`)
  for (const socket of sockets) socket.destroy()
})

t.test('connections leave descriptors for mailboxes, however many are allowed', async (t) => {
  const directory = spool(t, mailboxes)
  const limited = ['/bin/sh', '-c', 'ulimit -n 96; exec "$0" "$@"', ...asOther(program)] as const
  const settings = { QUOTAMAILBOX: `maildir:${directory}/%u/Maildir` }
  const quotad = await startQuotad(t, settings, ['--max-clients', '1000'], [...limited])
  for (let n = 0; n < 200; n++) {
    const socket = connect(Number(new URL(quotad.url).port), '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write('GET /hea')
  }
  t.equal(await quotad.ask('CHECK_QUOTA bob'), 'QUOTA_FULL')
})

t.test('/health and /metrics return the health and the counters', async (t) => {
  const { cgi, url, metrics } = await start(t)
  t.equal(await (await fetch(`${url}/health`)).text(), 'serving\n')
  for (const user of ['ann', 'ann', 'bob', 'zoe']) await cgi(`?u=${user}`)
  const shown = (await metrics()).match(/^onescan_quota_(questions|answers)_total.* [1-9].*$/gm)
  t.same(shown, [
    'onescan_quota_questions_total{protocol="http"} 4',
    'onescan_quota_answers_total{answer="room"} 2',
    'onescan_quota_answers_total{answer="full"} 1',
    'onescan_quota_answers_total{answer="no-such-user"} 1',
  ])
})
