import { once } from 'node:events'
import { chmodSync, readFileSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { tryPage } from '../../../../src/scanner/daemon/self-test/try-door.ts'
import { listen } from '../../../programs/host/listen.ts'
import { closed } from '../../../run/closed.ts'
import { until } from '../../../run/until.ts'
import { runtimes, startOnescand } from '../process.ts'
import { askRaw, get, serve } from './rig.ts'

/** Who may see what onescand --http shows, and clients that mean harm. */

for (const { name, program } of runtimes) {
  t.test(`the status server ${name}`, async (t) => {
    const served = await serve(t, { program })

    // promise: page-read-only
    t.test('a request for another name that leads to this address is refused', async (t) => {
      for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example', '10.0.0.1'])
        t.equal((await served.get('/metrics', { Host: host })).status, 421, host)
      for (const host of ['localhost', `127.0.0.1:${served.port}`, '[::1]:1', 'LOCALHOST:9'])
        t.equal((await served.get('/readyz', { Host: host })).status, 200, host)
    })

    t.test('every request has one answer, which no other origin may read', async (t) => {
      t.match(await served.get('/nothing'), { status: 404 })
      const page = await served.get('/')
      t.match(page.headers, {
        'content-security-policy': /^default-src 'none'; script-src 'self'; style-src 'self'/,
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      })
      t.notMatch(
        page.text,
        /<script>|onclick=|style="|https?:/,
        'nothing inline, nothing from elsewhere',
      )
      const post = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n'
      t.match(await askRaw(served.port, post), /^HTTP\/1\.1 405 /)
      const nameless = 'GET /metrics HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n'
      t.match(await askRaw(served.port, nameless), /^HTTP\/1\.1 421 /)
      t.match(await askRaw(served.port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
      const huge = `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`
      t.match(await askRaw(served.port, huge), /^HTTP\/1\.1 4|^$/, 'a huge header')
    })

    // promise: page-open
    t.test(
      'a client that sends requests without waiting for answers is disconnected',
      async (t) => {
        for (let n = 0; n < 200; n++) await served.send({ id: `<${'x'.repeat(390)}>` })
        const ask = 'GET /data.json HTTP/1.1\r\nHost: localhost\r\n\r\n'
        const rss = () => {
          const status = readFileSync(`/proc/${served.pid}/status`, 'latin1')
          return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024
        }
        await served.get('/data.json')
        const before = rss()
        const socket = connect(served.port, '127.0.0.1')
        socket.on('error', () => {})
        socket.resume()
        socket.write(ask.repeat(1400))
        await closed(socket) // 100 MB of answers at least, if they were made
        t.equal((await served.get('/readyz')).status, 200)
        t.ok(rss() - before < 80e6, `${rss() - before} bytes more`)
      },
    )

    // promise: page-open
    t.test('a thousand idle connections and slow clients block no other client', async (t) => {
      const sockets: Socket[] = []
      t.teardown(() => {
        for (const socket of sockets) socket.destroy()
      })
      for (let n = 0; n < 1000; n++) {
        const socket = connect(served.port, '127.0.0.1')
        socket.on('error', () => {})
        sockets.push(socket)
        await once(socket, 'connect')
        if (n % 2 === 0) socket.write('GET /metrics HTTP/1.1\r\nHo')
      }
      const slow = sockets.at(-2)!.resume()
      const isCut = closed(slow)
      // While none has been idle for long, as when many were accepted in one moment, others are turned away.
      const answer = () => served.get('/readyz').catch(() => undefined)
      const isServed = () => until(answer, 'a client is served', (got) => got?.status === 200)
      await isServed()
      await isCut // though it has begun
      await isServed()
    })
  })
}

// promise: page-read-only
t.test('addresses that other hosts reach need a token, which each request must give', async (t) => {
  const token = 'a-token-of-some-length'
  const file = join(t.testdir({ token: `${token}\n` }), 'token')
  chmodSync(file, 0o640)
  const served = await serve(t, { args: ['--http-token', file] })
  const asked = await served.get('/metrics')
  t.match(asked, { status: 401, headers: { 'www-authenticate': 'Basic realm="onescand"' } })
  const given = async (authorization: string) =>
    (await served.get('/readyz', { Authorization: authorization })).status
  t.equal(await given(`Bearer ${token}`), 200)
  t.equal(await given(`Basic ${Buffer.from(`any:${token}`).toString('base64')}`), 200)
  t.equal(await given(`Bearer ${token}x`), 401)
  t.equal(await given('Bearer'), 401)
  const place = { kind: 'tcp', host: '127.0.0.1' } as const
  t.same(await tryPage({ ...place, port: served.port }), [], 'check finds its page')
  const other = createServer((socket) => socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n'))
  t.match(await tryPage({ ...place, port: await listen(t, other) }), [
    { level: 'error', value: 'another program answers there' },
  ])
})

t.test('onescand without a token serves mail, logs the reason, and does not listen', async (t) => {
  const daemon = await startOnescand(t, { args: ['--http', 'inet:0.0.0.0:9'] })
  const [line = ''] = daemon.log.filter((line) => /add --http-token/.test(line))
  t.match(line, /the status page is not served, and onescand retries every 5 s: --http/)
  await t.rejects(get(9, '/readyz'), { code: 'ECONNREFUSED' })
})

// promise: page-addresses
t.test('the page of onescand --http-hide-addresses hides them', async (t) => {
  const served = await serve(t, { args: ['--http-hide-addresses'] })
  const state = async () => (await served.get('/data.json')).text
  await served.send({ from: 'secret"x @example.org', to: 'hidden@example.org' })
  const isReported = (text: string) => JSON.parse(text).decided.length === 1
  const text = await until(state, 'the message is reported', isReported)
  t.notMatch(text, /secret|hidden@/)
  t.match(text, '"decision":"accept"')
  t.match(JSON.parse(text).decided[0].line, /from=\(hidden\) to=\(hidden\) rcpts=1/)
})
