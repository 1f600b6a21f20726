import { createHmac } from 'node:crypto'
import type { Socket } from 'node:net'
import t from 'tap'
import { keyMark } from '../../../../../src/scanner/scan/verdicts/copies/secrets.ts'
import { lacks } from '../../../../needs.mjs'
import { freePort } from '../../../../programs/host/free-port.ts'
import {
  makeCertificate,
  startStore,
  storeMissing,
} from '../../../../programs/servers/store-server.ts'
import { until } from '../../../../run/until.ts'
import { keyOf, type Opened, openStore as open, print, sealed } from './opened-store.ts'
import { standIn } from './stand-in-store.ts'

const CLAIMED_FOR = 2_000
const MISSES_MAX = 3

/** The store that hosts share, with real servers. */

const skip = storeMissing
const MARK = 'onescan:verdict:1:mark'
t.test('a value of one host is found by another, and expires', { skip }, async (t) => {
  const server = await startStore(t)
  const host = open(t, `valkey://127.0.0.1:${server.port}`)
  const two = open(t, `unix:${server.socket}`)
  await host.holds(print())
  await two.holds(print())
  const life = Number(server.command('ttl', keyOf()))
  t.ok(life > 0 && life <= 60, `${life} s`)
  t.equal(server.command('dbsize'), '1')
  t.equal(await two.get(print(2)), undefined)
  const three = open(t, `redis://127.0.0.1:${server.port}/3`)
  await three.holds(print(3))
  t.equal(server.command('-n', '3', 'dbsize'), '1')
})

t.test(
  'a TLS server needs a certificate of VERDICTCA',
  { skip: skip || lacks('openssl') },
  async (t) => {
    const { cert, key } = makeCertificate(t.testdir())
    const port = await freePort()
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
    const server = await startStore(t, {
      args: ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no'],
    })
    const vouched = open(t, `valkeys://127.0.0.1:${port}`, { authorities: cert })
    await vouched.holds(print())
    t.equal(server.command('dbsize'), '1')

    const stranger = open(t, `valkeys://127.0.0.1:${port}`)
    await until(
      () => stranger.log.some((line) => /self-signed certificate/.test(line)),
      'a line of the log',
    )
    t.equal(await stranger.get(print()), undefined)
  },
)

// promise: store-answers
t.test('a value that is too large, or is not a string, is not accepted', { skip }, async (t) => {
  const server = await startStore(t)
  const store = open(t, `valkey://127.0.0.1:${server.port}`)
  await store.holds(print())
  server.command('setrange', keyOf(2), '50000000', 'x')
  t.equal((await store.get(print(2)))?.length, 4097)
  server.command('lpush', keyOf(3), 'x')
  t.equal(await store.get(print(3)), undefined)
  await store.holds(print(), sealed)
  t.same(store.log, [], 'and the store is well')
})

t.test('hosts with other keys are reported once, as they share nothing', { skip }, async (t) => {
  const server = await startStore(t)
  const url = `valkey://127.0.0.1:${server.port}`
  const withKey = (byte: number) => {
    const host = { mark: keyMark(Buffer.alloc(32, byte), { createHmac }) }
    return { host, store: open(t, url, { mark: () => host.mark, markEvery: 100 }) }
  }
  const own = withKey(1)
  await until(() => server.command('exists', MARK) === '1', 'its mark')
  const same = withKey(1)
  const other = withKey(2)
  await until(() => other.store.log.length > 0, 'a line of the log')
  t.match(other.store.log, [
    /^VERDICTS valkey:\S+: hosts with another key use it, too: .*CLUSTERKEYS/,
  ])
  t.match(other.store.sharing().trouble, /another key/, 'which the metric shows, too')
  other.host.mark = own.host.mark
  await until(() => other.store.sharing().trouble === undefined, 'the end of its trouble')
  t.match(other.store.log, { length: 2, 1: /answers again$/ })
  t.same([own.store.log, same.store.log], [[], []], 'those that renew the mark hear nothing')
  for (const { store } of [own, same]) store.close()
  other.store.close()
  t.ok(Number(server.command('pttl', MARK)) <= 300, 'which lasts for three polls')
  await until(() => server.command('exists', MARK) === '0', 'the mark has expired')
})

t.test('the key may change on all hosts without a word', { skip }, async (t) => {
  const server = await startStore(t)
  server.command('set', MARK, 'of before', 'px', '250')
  const mark = keyMark(Buffer.alloc(32, 1), { createHmac })
  const store = open(t, `unix:${server.socket}`, { mark: () => mark, markEvery: 100 })
  await until(() => server.command('get', MARK) === String(mark), 'its mark')
  t.same(store.log, [])
})

t.test('an unreachable store costs nothing until it is back', { skip }, async (t) => {
  const port = await freePort()
  const store = open(t, `valkey://127.0.0.1:${port}`)
  t.equal(store.get(print()), undefined, 'at once')
  await until(() => store.log.length > 0, 'a line of the log')
  t.match(store.log[0], /^VERDICTS valkey:.*connection refused.*messages are scanned meanwhile/)
  await startStore(t, { port })
  await store.holds(print())
  t.equal(store.log.length, 2)
  t.match(store.log[1], /answers again$/)
})

t.test('a store killed amid an answer costs what a scan costs', { skip }, async (t) => {
  const { port, connections } = await standIn(t, (command, connection) => {
    if (!isQuestion(command)) return '+OK\r\n'
    connection.end('$100\r\nonly a part of', () => connection.destroy())
    return ''
  })
  const store = open(t, `valkey://127.0.0.1:${port}`)
  await until(() => connections.length > 0 && store.get(print()) !== undefined, 'a question')
  await until(() => store.log.length > 0, 'a line of the log')
  t.match(store.log[0], /^VERDICTS valkey:.*closes the connection/)
  t.equal(await store.get(print()), undefined)
})

t.test('a store that ends idle connections is healthy', { skip }, async (t) => {
  const server = await startStore(t, { args: ['--timeout', '1'] })
  const store = open(t, `valkey://127.0.0.1:${server.port}`)
  await store.holds(print())
  const connections = () =>
    Number(/connections_received:(\d+)/.exec(server.command('info', 'stats'))![1])
  const clients = () => server.command('client', 'list').match(/name=onescand/g)?.length ?? 0
  const before = connections()
  await until(() => clients() === 0, 'the end of the idle connection')
  await until(() => clients() === 1 && connections() > before, 'the next one')
  await store.holds(print())
  t.same(store.log, [])
  await server.stop()
  await until(() => store.log.length > 0, 'a line of the log')
  t.match(
    store.log,
    [/connection refused|connection reset|closes the connection/],
    'but one that is gone is not',
  )
})

t.test('a store that ends each connection at once is not healthy', { skip }, async (t) => {
  const { port } = await standIn(t, (command, connection) => {
    if (!command.includes('GETRANGE')) return '+OK\r\n'
    setTimeout(() => connection.destroy(), 20)
    return '$0\r\n\r\n'
  })
  const store = open(t, `valkey://127.0.0.1:${port}`)
  await until(() => store.log.length > 0, 'a line of the log')
  t.match(store.log[0], /closes the connection/)
})

t.test('a store that sends invalid answers is treated as unreachable', { skip }, async (t) => {
  const { port } = await standIn(t, () => 'HTTP/1.1 400 Bad Request\r\n\r\n')
  const store = open(t, `valkey://127.0.0.1:${port}`)
  await until(() => store.log.length > 0, 'a line of the log')
  t.match(store.log[0], /an invalid answer/)
  t.equal(await store.get(print()), undefined)
})

// promise: store-answers
t.test('a hanging store costs three messages time, and later ones none', { skip }, async (t) => {
  const server = await startStore(t)
  const store = open(t, `valkey://127.0.0.1:${server.port}`, { timeout: 20 })
  await store.holds(print())
  process.kill(server.pid, 'SIGSTOP')
  for (let n = 1; n <= MISSES_MAX; n++) {
    t.same(store.log, [], 'which is not worth a line before it is sure')
    t.equal(await store.get(print()), undefined)
  }
  t.match(store.log, [/no answer in 20 ms; messages are scanned meanwhile/])
  for (let n = 0; n < 100; n++)
    t.equal(store.get(print()), undefined, 'without a promise to wait for')
  t.equal(store.sharing().counters.late, MISSES_MAX)

  process.kill(server.pid, 'SIGCONT')
  await until(async () => (await store.get(print()))?.equals(sealed), 'the verdict')
  t.match(store.log.at(-1), /answers again$/)
  t.equal(store.sharing().trouble, undefined)
})

t.test('data that arrived while this process was busy is in time', { skip }, async (t) => {
  const server = await startStore(t)
  const store = open(t, `valkey://127.0.0.1:${server.port}`, { timeout: 20 })
  await store.holds(print())
  for (let n = 0; n < 10; n++) {
    const asked = store.get(print())
    // The process is busy, as if it compiled or collected garbage; the store has answered by then.
    const until = performance.now() + 40
    server.command('ping')
    while (performance.now() < until);
    t.same(await asked, sealed)
  }
  t.equal(store.sharing().counters.late, 0)
  t.same(store.log, [])
})

t.test('one of several simultaneous hosts scans, the others wait', { skip }, async (t) => {
  const server = await startStore(t)
  const hosts = [1, 2, 3].map(() => open(t, `valkey://127.0.0.1:${server.port}`))
  for (const host of hosts) await host.holds(print())
  const asked = hosts.map(async (host) => {
    const found = await host.get(print(2), 60_000)
    if (found === undefined) host.put(print(2), sealed, 60)
    return found
  })
  const found = await Promise.all(asked)
  t.equal(found.filter((verdict) => verdict === undefined).length, 1)
  t.equal(found.filter((verdict) => verdict?.equals(sealed)).length, 2)
  const waited = hosts.map((host) => host.sharing().counters.waited)
  const sum = waited.reduce((a, b) => a + b)
  t.equal(sum, 2)
})

t.test('a host whose scan came to nothing keeps no other one waiting', { skip }, async (t) => {
  const server = await startStore(t)
  const [first, second] = [1, 2].map(() => open(t, `valkey://127.0.0.1:${server.port}`)) as [Opened, Opened] // biome-ignore format: a pair
  for (const host of [first, second]) await host.holds(print())
  t.equal(await first.get(print(2), 60_000), undefined)
  const life = Number(server.command('pttl', keyOf(2)))
  t.ok(life > 0 && life <= CLAIMED_FOR, 'nor one that was killed, for longer than that')
  const asked = second.get(print(2), 60_000)
  first.release(print(2))
  t.equal(await asked, undefined)
  t.equal(server.command('get', keyOf(2)), 'scanning', 'the second one scans now')
  first.release(print(2))
  const isPut = () => {
    first.put(print(3), sealed, 60)
    return server.command('exists', keyOf(3)) === '1'
  }
  await until(isPut, 'the third one is put')
  t.equal(server.command('get', keyOf(2)), 'scanning', 'which the first one has no part in')
  second.put(print(2), sealed, 60)
  await until(async () => (await first.get(print(2)))?.equals(sealed), 'the verdict')
})

t.test('a full store still answers, and accepts nothing', { skip }, async (t) => {
  const server = await startStore(t, { args: ['--maxmemory-policy', 'noeviction'] })
  const store = open(t, `valkey://127.0.0.1:${server.port}`)
  await store.holds(print())
  server.command('config', 'set', 'maxmemory', '1')
  store.put(print(2), sealed, 60)
  await until(() => store.log.length > 0, 'a line of the log')
  t.match(store.log[0], /OOM command not allowed/)
  const { published, errors } = store.sharing().counters
  t.same({ published, errors }, { published: 1, errors: 1 })
  t.same(await store.get(print()), sealed)
  t.equal(await store.get(print(2)), undefined)
  server.command('config', 'set', 'maxmemory', '0')
  await until(() => {
    store.put(print(2), sealed, 60)
    return store.log.length > 1
  }, 'the store mends')
  t.match(store.log[1], /answers again$/)
  t.equal(store.sharing().trouble, undefined)
})

t.test('a read-only replica still answers', { skip }, async (t) => {
  const primary = await startStore(t)
  const replica = await startStore(t, { args: ['--replicaof', '127.0.0.1', String(primary.port)] })
  await open(t, `valkey://127.0.0.1:${primary.port}`).holds(print())
  const store = open(t, `valkey://127.0.0.1:${replica.port}`)
  await until(async () => (await store.get(print()))?.equals(sealed), 'the verdict')
  store.put(print(2), sealed, 60)
  await until(() => store.log.length > 0, 'a line of the log')
  t.match(store.log[0], /READONLY/)
  t.same(await store.get(print()), sealed)
})

t.test('a store that rejects the password is treated as unreachable', { skip }, async (t) => {
  const server = await startStore(t, { args: ['--requirepass', 'open sesame'] })
  const url = `valkey://127.0.0.1:${server.port}`
  for (const password of [undefined, 'open barley']) {
    const store = open(t, url, { password })
    await until(async () => {
      t.equal(await store.get(print()), undefined)
      return store.log.length > 0
    }, 'a line of the log')
    t.match(store.log[0], /NOAUTH|WRONGPASS/)
    t.notMatch(store.log.join(), /barley/)
  }
  await open(t, url, { password: 'open sesame' }).holds(print())
})

t.test('a store without a password accepts a client that sends one', { skip }, async (t) => {
  const server = await startStore(t)
  await open(t, `valkey://127.0.0.1:${server.port}`, { password: 'open sesame' }).holds(print())
})

/** What a program in the store's place may send: a careless reader takes all memory for it, or all stack. */
const replies: Readonly<Record<string, string>> = {
  'that each list holds one of 33 million items': '*33554432\r\n'.repeat(200),
  'lists in lists, 100,000 of them': '*1\r\n'.repeat(100_000),
  'that 512 MB come': `$536870912\r\n${'x'.repeat(100_000)}`,
  'a line that does not end': `+${'x'.repeat(100_000)}`,
}

for (const [kind, url, question] of [
  ['one server', 'valkey://127.0.0.1:PORT', /GETRANGE/],
  ['a sentinel', 'valkey+sentinel://127.0.0.1:PORT/main', /GET-MASTER/],
] as const) {
  for (const [what, reply] of Object.entries(replies)) {
    // promise: store-answers
    t.test(`${kind} that sends ${what} uses no memory, and is left`, async (t) => {
      const { port } = await standIn(t, (command) => (question.test(command) ? reply : '+OK\r\n'))
      const before = process.memoryUsage().rss
      const store = open(t, url.replace('PORT', String(port)))
      await until(async () => {
        t.equal(await store.get(print()), undefined)
        return store.log.length > 0
      }, 'a line of the log')
      t.match(store.log[0], /: sends an? (answer|line) /)
      t.ok(process.memoryUsage().rss - before < 100_000_000)
    })
  }
}

// promise: store-answers
t.test('the error of a server is logged in a short line', async (t) => {
  const { port } = await standIn(t, (command) =>
    isQuestion(command) ? `-ERR ${'very bad '.repeat(400)}\r\n` : '+OK\r\n',
  )
  const store = open(t, `valkey://127.0.0.1:${port}`)
  await until(async () => {
    await store.get(print())
    return store.log.length > 0
  }, 'a line of the log')
  t.match(store.log[0], /ERR very bad/)
  t.ok(store.log[0]!.length < 400)
})

/** Whether a command is about a message, and not the first question of a connection. */
function isQuestion(command: string): boolean {
  return command.includes('GETRANGE') && !command.includes('check')
}

/** Servers whose state is another one after each message. */
const unsteady: Readonly<Record<string, (message: number, connection: Socket) => string>> = {
  'names another server for each message, as in a cluster': (message) =>
    `-MOVED ${message} 192.0.2.1:6379\r\n`,
  'answers with an error in turns': (message) =>
    message % 2 === 0 ? '$0\r\n\r\n' : '-LOADING the dataset\r\n',
  'closes each connection that is used': (_, connection) => {
    connection.destroy()
    return ''
  },
}

for (const [what, answer] of Object.entries(unsteady)) {
  // promise: store-answers
  t.test(`a store that ${what} fills no log`, async (t) => {
    let asked = 0
    const { port } = await standIn(t, (command, connection) => {
      if (!isQuestion(command)) return '+OK\r\n'
      return command.includes(':check') ? '$0\r\n\r\n' : answer(asked++, connection)
    })
    const store = open(t, `valkey://127.0.0.1:${port}`)
    await until(async () => {
      t.equal(await store.get(print(asked)), undefined)
      return asked > 8
    }, 'many messages')
    t.match(store.log[0], /MOVED|LOADING|closes the connection/)
    t.ok(store.log.length <= 4, store.log.join('\n'))
  })
}
