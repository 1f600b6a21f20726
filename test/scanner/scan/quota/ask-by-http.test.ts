import { createServer } from 'node:net'
import t from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import { listen } from '../../../programs/host/listen.ts'
import { ann, ben, clientOf, httpService } from './services.ts'

/** Questions over HTTP, to services that answer, fail and hang. */

t.test('the answer to ?u=NAME counts, and 404 is an unknown user', async (t) => {
  const service = await httpService(t, ({ url }, response) => {
    const user = decodeURIComponent(url!.split('u=')[1]!)
    if (user === 'ann@example.org') response.end(`OVERQUOTA ${user} 105 100\n`)
    else if (user === 'ben@example.org') response.end(`OK ${user} 5 0\n`)
    else response.writeHead(404).end('who?')
  })
  const { client } = clientOf(t, service.url)
  t.same(await client.ask(ann), { status: 'full', usage: { size: 105, quota: 100 } })
  t.same(await client.ask(ben), { status: 'room', usage: { size: 5 } })
  t.same(await client.ask(readAddress('c&d=%')), { status: 'no-such-user' })
  t.same(service.heard.slice(1), [
    '/cgi-bin/quota.cgi?u=ben@example.org',
    '/cgi-bin/quota.cgi?u=c%26d%3D%25',
  ])
  t.equal(service.connections(), 1, 'one connection is kept')
})

t.test('a reply of 503 means an unknown quota, and is not a broken answer', async (t) => {
  const service = await httpService(t, (_, response) => response.writeHead(503).end('no\n'))
  const { client, log } = clientOf(t, service.url)
  t.match(await client.ask(ann), { status: 'unknown', reason: 'the service does not know' })
  t.same(log, [])
  t.match(client.counters, { unknown: 1, brokenAnswer: 0 })
})

t.test('the URL of a service may have other fields, and u= at its end', async (t) => {
  const service = await httpService(t, (_, response) => response.end('OK ann 1 2\n'))
  for (const search of ['?u=', '?x=1&u=', '?x=1', '?u=1&x=2']) {
    const { client } = clientOf(t, `${service.url}${search}`)
    t.match(await client.ask(readAddress('ann')), { status: 'room' })
  }
  const queries = service.heard.map((url) => url.split('?')[1])
  t.same(queries, ['u=ann', 'x=1&u=ann', 'x=1&u=ann', 'u=1&x=2&u=ann'])
})

t.test('a service gets every byte of a name, and its answer is read byte by byte', async (t) => {
  const service = await httpService(t, (_, response) => {
    response.end(Buffer.from('OK m\xfcller 1 2\n', 'latin1'))
  })
  const { client } = clientOf(t, service.url)
  t.match(await client.ask(readAddress('m\xfcller')), { status: 'room' })
  t.same(service.heard, ['/cgi-bin/quota.cgi?u=m%FCller'])
})

t.test('the announced size is added to the size that the service reports', async (t) => {
  const service = await httpService(t, (_, response) => response.end('OK ann@example.org 60 100\n'))
  const { client } = clientOf(t, service.url)
  t.match(await client.ask(ann, 40), { status: 'room' })
  t.match(await client.ask(ann, 41), { status: 'full' })
})

const senseless = 'an invalid body'
const noPage = 'status 404, the service has no such page'
const broken: Readonly<
  Record<string, readonly [status: number, body: string, reason: string, type?: string]>
> = {
  'another user': [200, 'OVERQUOTA ben@example.org 9 9\n', senseless],
  'too few words': [200, 'OVERQUOTA\n', senseless],
  'too many words': [200, 'OVERQUOTA ann@example.org 9 9 9\n', senseless],
  'another word': [200, 'FULL ann@example.org 9 9\n', senseless],
  nothing: [200, '', senseless],
  'a page': [200, '<html>welcome</html>\n', senseless],
  'more than an answer has': [
    200,
    `OVERQUOTA ann@example.org 9 9${' '.repeat(100_000)}`,
    senseless,
  ],
  'status 500': [500, 'OVERQUOTA ann@example.org 9 9\n', 'status 500'],
  'a redirection': [302, '', 'status 302'],
  'a path that is not there': [404, 'page not found\n', noPage],
  'the 404 page of a web server': [404, ' <html>Not Found</html>', noPage],
  'a 404 of type HTML': [404, 'who?', noPage, 'text/html'],
  'a 404 in words of a web server': [404, '404 page not found\n', noPage],
  'a shorter 404 in words of a web server': [404, 'Page not found\n', noPage],
  'a long 404': [404, 'who?'.repeat(10_000), noPage],
}

for (const [what, [status, body, reason, type = 'text/plain']] of Object.entries(broken)) {
  t.test(`after ${what} the recipient passes, and the next one is asked about`, async (t) => {
    const service = await httpService(t, (_, response) => {
      response.writeHead(status, { 'Content-Type': type }).end(body)
    })
    const { client, log } = clientOf(t, service.url)
    t.match(await client.ask(ann), { status: 'unknown' })
    await client.ask(ann)
    t.equal(service.heard.length, 2)
    t.equal(client.counters.brokenAnswer, 2)
    t.equal(log[0], `quota: ${service.url}: ${reason}; the recipient is accepted`)
  })
}

// promise: bad-quota-service
t.test('a service that answers each question wrongly fills no log', async (t) => {
  let status = 400
  const service = await httpService(t, (_, response) => response.writeHead(status).end())
  const { client, log } = clientOf(t, service.url)
  for (let n = 0; n < 30; n++) await client.ask(readAddress(`user${n}@example.org`))
  t.equal(service.heard.length, 30, 'it is asked again')
  t.match(log, [/: status 400; the recipient is accepted$/])
  for (; status < 450; status++) await client.ask(readAddress(`other${status}@example.org`))
  t.equal(log.length, 10)
})

t.test('a 404 that only mentions a page is an unknown user', async (t) => {
  const service = await httpService(t, (_, response) => {
    response.writeHead(404).end('no such user: <ann>, page not found\n')
  })
  const { client } = clientOf(t, service.url)
  t.same(await client.ask(ann), { status: 'no-such-user' })
})

t.test('a service may have an IPv6 address', async (t) => {
  const service = await httpService(t, (_, response) => response.end('OK ann 1 2\n'), '::1')
  const { client } = clientOf(t, service.url)
  t.match(await client.ask(readAddress('ann')), { status: 'room' })
})

t.test('questions at the same time share sixteen connections', async (t) => {
  const waiting: (() => void)[] = []
  const service = await httpService(t, (_, response) => {
    waiting.push(() => response.writeHead(404).end('who?'))
    if (waiting.length === 16) {
      for (const answer of waiting.splice(0)) answer()
    }
  })
  const { client } = clientOf(t, service.url, { QUOTATIMEOUT: '10000' })
  const names = Array.from({ length: 32 }, (_, i) => readAddress(`user${i}`))
  await Promise.all(names.map((name) => client.ask(name)))
  t.equal(service.connections(), 16)
})

t.test('a service that hangs costs one timeout, and later questions nothing', async (t) => {
  const service = await httpService(t, () => {})
  const { client } = clientOf(t, service.url, { QUOTATIMEOUT: '2000' })
  t.match(await client.ask(ann), { status: 'unknown', reason: 'no answer in 2 s' })
  t.match(await client.ask(ben), { status: 'unknown', reason: /does not answer$/ })
  t.equal(service.heard.length, 1)
})

t.test('a body that trickles without end is given up', async (t) => {
  const service = await httpService(t, (_, response) => {
    const trickle = setInterval(() => response.write('O'), 10)
    response.on('close', () => clearInterval(trickle))
  })
  const { client } = clientOf(t, service.url, { QUOTATIMEOUT: '80' })
  t.match(await client.ask(ann), { status: 'unknown' })
})

t.test('a body that is too long is not read to its end', async (t) => {
  const service = await httpService(t, (_, response) => {
    response.write('O'.repeat(2000)) // the body is never ended
  })
  const { client, log } = clientOf(t, service.url, { QUOTATIMEOUT: '10000' })
  t.match(await client.ask(ann), { status: 'unknown' })
  t.match(log, [/an invalid body; the recipient is accepted$/])
})

t.test('a question is sent three times if the service always closes the connection', async (t) => {
  let connections = 0
  const server = createServer((socket) => {
    connections++
    socket.destroy()
  })
  const url = `http://127.0.0.1:${await listen(t, server)}/q`
  const { client } = clientOf(t, url, { QUOTATIMEOUT: '10000' })
  t.match(await client.ask(ann), { status: 'unknown', reason: /connection reset|socket hang up/ })
  t.equal(connections, 3)
})

t.test('a question is sent again if the service closes the connection', async (t) => {
  let connections = 0
  const server = createServer((socket) => {
    if (++connections < 3) return socket.destroy()
    const body = 'OVERQUOTA ann@example.org 9 9\n'
    return socket.end(`HTTP/1.0 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
  })
  const url = `http://127.0.0.1:${await listen(t, server)}/q`
  const { client } = clientOf(t, url, { QUOTATIMEOUT: '5000' })
  t.match(await client.ask(ann), { status: 'full' })
  t.equal(connections, 3)
})
