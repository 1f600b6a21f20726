import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openSharedStore, type SharedStoreOptions } from '../../src/verdicts/shared-store.ts'
import type { VerdictStore } from '../../src/verdicts/store.ts'
import { readStoreAddress } from '../../src/verdicts/store-address.ts'
import { freePort } from '../programs/free-port.ts'
import { startStore, storeMissing } from '../programs/store-server.ts'

/** The store that hosts share, with real servers. */

const skip = storeMissing
const print = (n = 1) => Buffer.alloc(32, n)
const sealed = Buffer.from('sealed verdict')
const keyOf = (n = 1) => `onescan:verdict:1:${print(n).toString('base64url')}`
const tick = () => new Promise((resolve) => setTimeout(resolve, 10))

interface Opened extends VerdictStore {
  readonly log: string[]
  /** Once it has a value for that, or has lost it. */
  holds(fingerprint: Buffer, value?: Buffer): Promise<void>
}

function open(t: Test, url: string, more: Partial<SharedStoreOptions> = {}): Opened {
  const log: string[] = []
  const store = openSharedStore({
    address: readStoreAddress(url)!,
    password: undefined,
    sentinelPassword: undefined,
    authorities: undefined,
    timeout: 500,
    log: (line) => log.push(line),
    uptime: () => performance.now(),
    ...more,
  })
  t.teardown(() => store.close())
  return {
    ...store,
    log,
    async holds(fingerprint, value = sealed) {
      for (;;) {
        const found = await store.get(fingerprint)
        if (found?.equals(value)) return
        if (found === undefined) store.put(fingerprint, value, 60)
        await tick()
      }
    },
  }
}

t.test(
  'what one host puts there another one finds, and it expires by itself',
  { skip },
  async (t) => {
    const server = await startStore(t)
    const one = open(t, `valkey://127.0.0.1:${server.port}`)
    const two = open(t, `unix:${server.socket}`)
    await one.holds(print())
    await two.holds(print())
    const life = Number(server.say('ttl', keyOf()))
    t.ok(life > 0 && life <= 60, `${life} s`)
    t.equal(server.say('dbsize'), '1')
    t.equal(await two.get(print(2)), undefined)
    const three = open(t, `redis://127.0.0.1:${server.port}/3`)
    await three.holds(print(3))
    t.equal(server.say('-n', '3', 'dbsize'), '1')
  },
)

t.test('by TLS only a server counts that VERDICTCA vouches for', { skip }, async (t) => {
  const directory = t.testdir()
  const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')]
  const own = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const about = ['-subj', '/CN=store', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', ...own, ...about, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  })
  const port = await freePort()
  const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
  const server = await startStore(t, {
    args: ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no'],
  })
  const vouched = open(t, `valkeys://127.0.0.1:${port}`, { authorities: cert })
  await vouched.holds(print())
  t.equal(server.say('dbsize'), '1')

  const stranger = open(t, `valkeys://127.0.0.1:${port}`)
  while (!stranger.log.some((line) => /self-signed certificate/.test(line))) await tick()
  t.equal(await stranger.get(print()), undefined)
})

t.test('a value that is too large, or none of a string, is not taken in', { skip }, async (t) => {
  const server = await startStore(t)
  const store = open(t, `valkey://127.0.0.1:${server.port}`)
  await store.holds(print())
  server.say('setrange', keyOf(2), '50000000', 'x')
  t.equal((await store.get(print(2)))?.length, 4097)
  server.say('lpush', keyOf(3), 'x')
  t.equal(await store.get(print(3)), undefined)
  await store.holds(print(), sealed)
  t.same(store.log, [], 'and the store is well')
})

t.test('a store that is away costs nothing, and comes back', { skip }, async (t) => {
  const port = await freePort()
  const store = open(t, `valkey://127.0.0.1:${port}`)
  t.equal(store.get(print()), undefined, 'at once')
  while (store.log.length === 0) await tick()
  t.match(store.log[0], /^VERDICTS valkey:.*ECONNREFUSED.*messages are scanned meanwhile/)
  await startStore(t, { port })
  await store.holds(print())
  t.equal(store.log.length, 2)
  t.match(store.log[1], /answers again$/)
})

t.test('a store that is killed in mid-answer costs what a scan costs', { skip }, async (t) => {
  const connections: Socket[] = []
  const server = createServer((connection) => {
    connections.push(connection)
    connection.on('error', () => {})
    connection.on('data', (chunk) => {
      for (const command of chunk.toString('latin1').split(/(?=\*\d+\r\n)/)) {
        if (command.includes('getrange')) {
          connection.end('$100\r\nonly a part of', () => connection.destroy())
        } else {
          connection.write(command.includes('\r\ninfo\r\n') ? '$9\r\nloading:0\r\n' : '+OK\r\n')
        }
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const connection of connections) connection.destroy()
    server.close()
  })
  const store = open(t, `valkey://127.0.0.1:${(server.address() as { port: number }).port}`)
  while (connections.length === 0 || store.get(print()) === undefined) await tick()
  while (store.log.length === 0) await tick()
  t.match(store.log[0], /^VERDICTS valkey:/)
  t.equal(await store.get(print()), undefined)
})

t.test('a store that talks nonsense is one that is away', { skip }, async (t) => {
  const connections: Socket[] = []
  const server = createServer((connection) => {
    connections.push(connection)
    connection.on('error', () => {})
    connection.on('data', () => connection.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const connection of connections) connection.destroy()
    server.close()
  })
  const store = open(t, `valkey://127.0.0.1:${(server.address() as { port: number }).port}`)
  while (store.log.length === 0) await tick()
  t.equal(await store.get(print()), undefined)
})

t.test(
  'a store that hangs costs one message its time, and the next ones nothing',
  { skip },
  async (t) => {
    const server = await startStore(t)
    let time = 0
    const store = open(t, `valkey://127.0.0.1:${server.port}`, { timeout: 20, uptime: () => time })
    while (store.get(print()) === undefined) await tick()
    while ((await store.get(print())) === undefined) {
      store.put(print(), sealed, 60)
      time += 100_000
      await tick()
    }
    process.kill(server.pid, 'SIGSTOP')
    t.equal(await store.get(print()), undefined)
    t.match(store.log.at(-1), /no answer in 20 ms; messages are scanned meanwhile/)
    for (let n = 0; n < 100; n++)
      t.equal(store.get(print()), undefined, 'without a promise to wait for')
    process.kill(server.pid, 'SIGCONT')
    // Who asks after its rest asks for all, and waits for nothing.
    for (;;) {
      time += 100_000
      const asked = store.get(print())
      if (asked !== undefined) break
      await tick()
    }
    while ((await store.get(print())) === undefined) await tick()
    t.match(store.log.at(-1), /answers again$/)
  },
)

t.test('a full store still tells, and takes nothing', { skip }, async (t) => {
  const server = await startStore(t, { args: ['--maxmemory-policy', 'noeviction'] })
  const store = open(t, `valkey://127.0.0.1:${server.port}`)
  await store.holds(print())
  server.say('config', 'set', 'maxmemory', '1')
  store.put(print(2), sealed, 60)
  while (store.log.length === 0) await tick()
  t.match(store.log[0], /OOM command not allowed/)
  t.same(await store.get(print()), sealed)
  t.equal(await store.get(print(2)), undefined)
})

t.test('a replica that may only be read still tells', { skip }, async (t) => {
  const primary = await startStore(t)
  const replica = await startStore(t, { args: ['--replicaof', '127.0.0.1', String(primary.port)] })
  await open(t, `valkey://127.0.0.1:${primary.port}`).holds(print())
  const store = open(t, `valkey://127.0.0.1:${replica.port}`)
  while (!(await store.get(print()))?.equals(sealed)) await tick()
  store.put(print(2), sealed, 60)
  while (store.log.length === 0) await tick()
  t.match(store.log[0], /READONLY/)
  t.same(await store.get(print()), sealed)
})

t.test('without the right password it is as if there were none', { skip }, async (t) => {
  const server = await startStore(t, { args: ['--requirepass', 'open sesame'] })
  const url = `valkey://127.0.0.1:${server.port}`
  for (const password of [undefined, 'open barley']) {
    const store = open(t, url, { password })
    while (store.log.length === 0) {
      t.equal(await store.get(print()), undefined)
      await tick()
    }
    t.match(store.log[0], /NOAUTH|WRONGPASS/)
    t.notMatch(store.log.join(), /barley/)
  }
  await open(t, url, { password: 'open sesame' }).holds(print())
  server.say('--no-auth-warning', '-a', 'open sesame', 'acl', 'setuser', 'onescan', 'on', '>secret', '~onescan:*', '+getrange', '+set', '+info') // biome-ignore format: a command
  const named = `valkey://onescan@127.0.0.1:${server.port}`
  await open(t, named, { password: 'secret' }).holds(print(2))
})

t.test('three servers of a cluster share the verdicts among them', { skip }, async (t) => {
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '5000']
  const servers = await Promise.all([1, 2, 3].map(() => startStore(t, { args })))
  const [first, ...others] = servers as [(typeof servers)[number], ...typeof servers]
  const ranges = [[0, 5460], [5461, 10_922], [10_923, 16_383]] as const // biome-ignore format: pairs
  for (const [n, [from, to]] of ranges.entries()) {
    servers[n]!.say('cluster', 'addslotsrange', String(from), String(to))
  }
  for (const { port } of others) first.say('cluster', 'meet', '127.0.0.1', String(port))
  while (!servers.every((each) => each.say('cluster', 'info').includes('cluster_state:ok')) ||
    !servers.every((each) => each.say('cluster', 'info').includes('cluster_known_nodes:3'))) await tick() // biome-ignore format: one condition
  const store = open(t, `valkey+cluster://127.0.0.1:${first.port},127.0.0.1:${others[0]!.port}`)
  for (let n = 1; n <= 20; n++) await store.holds(print(n))
  const sizes = servers.map((each) => Number(each.say('dbsize')))
  t.equal(
    sizes.reduce((a, b) => a + b),
    20,
  )
  t.notOk(sizes.includes(0), `${sizes}`)
})

t.test(
  'behind sentinels the primary is found, and the next one when it has gone',
  { skip },
  async (t) => {
    const primary = await startStore(t)
    const replica = await startStore(t, {
      args: ['--replicaof', '127.0.0.1', String(primary.port)],
    })
    const sentinel = `sentinel monitor mail 127.0.0.1 ${primary.port} 1
sentinel down-after-milliseconds mail 500
sentinel failover-timeout mail 2000
`
    const watcher = await startStore(t, { sentinel })
    const store = open(t, `valkey+sentinel://127.0.0.1:${watcher.port}/mail`)
    await store.holds(print())
    while (!watcher.say('sentinel', 'replicas', 'mail').includes(String(replica.port))) await tick()
    while (replica.say('dbsize') !== '1') await tick()
    await primary.kill()
    await store.holds(print(2))
    t.equal(replica.say('dbsize'), '2')
  },
)

/** In the place of a server of each kind: the question that is answered with `answer`, others as they should be. */
async function standIn(t: Test, question: RegExp, answer: string): Promise<number> {
  const server = createServer((connection) => {
    t.teardown(() => connection.destroy())
    connection.on('error', () => {})
    connection.on('data', (chunk) => {
      for (const command of chunk.toString('latin1').split(/(?=\*\d+\r\n)/)) {
        if (question.test(command)) connection.write(answer)
        else connection.write(/\r\ninfo\r\n/.test(command) ? '$9\r\nloading:0\r\n' : '+OK\r\n')
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as { port: number }).port
}

for (const [kind, url, question] of [
  ['one server', 'valkey://127.0.0.1:PORT', /getrange/],
  ['a cluster', 'valkey+cluster://127.0.0.1:PORT', /slots/i],
  ['a sentinel', 'valkey+sentinel://127.0.0.1:PORT/main', /get-master/],
] as const) {
  t.test(`${kind} that claims more than there is takes no memory for it`, async (t) => {
    // Arrays in one another, for each of which a parser would make room: 50 GB.
    const port = await standIn(t, question, '*33554432\r\n'.repeat(200))
    const before = process.memoryUsage().rss
    const store = open(t, url.replace('PORT', String(port)))
    while (store.log.length === 0) {
      t.equal(await store.get(print()), undefined)
      await tick()
    }
    t.ok(process.memoryUsage().rss - before < 100_000_000)
  })
}

t.test('what a server says of its trouble is told in a short line', async (t) => {
  const port = await standIn(t, /getrange/, `-ERR ${'very bad '.repeat(400)}\r\n`)
  const store = open(t, `valkey://127.0.0.1:${port}`)
  while (store.log.length === 0) {
    await store.get(print())
    await tick()
  }
  t.match(store.log[0], /ERR very bad/)
  t.ok(store.log[0]!.length < 400)
})

t.test('sentinels may want a password of their own', { skip }, async (t) => {
  const args = ['--requirepass', 'open sesame', '--masterauth', 'open sesame']
  const primary = await startStore(t, { args })
  const replicaOf = ['--replicaof', '127.0.0.1', String(primary.port)]
  const replica = await startStore(t, { args: [...args, ...replicaOf] })
  const sentinel = `requirepass "who goes there"
sentinel monitor mail 127.0.0.1 ${primary.port} 2
sentinel auth-pass mail "open sesame"
sentinel down-after-milliseconds mail 500
sentinel failover-timeout mail 2000
`
  const watchers = [await startStore(t, { sentinel }), await startStore(t, { sentinel })]
  const url = `valkey+sentinel://${watchers.map(({ port }) => `127.0.0.1:${port}`)}/mail`
  for (const sentinelPassword of [undefined, 'open sesame']) {
    const shut = open(t, url, { password: 'open sesame', sentinelPassword })
    while (shut.log.length === 0) await tick()
    t.match(shut.log[0], /sentinel.*(NOAUTH|WRONGPASS)/)
    t.notMatch(shut.log.join(), /open sesame/)
    t.equal(await shut.get(print()), undefined)
  }
  const store = open(t, url, { password: 'open sesame', sentinelPassword: 'who goes there' })
  await store.holds(print())
  const say = (server: typeof primary, password: string, ...words: string[]) =>
    server.say('--no-auth-warning', '-a', password, ...words)
  const knowsAll = (watcher: typeof primary) =>
    say(watcher, 'who goes there', 'sentinel', 'replicas', 'mail').includes(`${replica.port}`) &&
    say(watcher, 'who goes there', 'sentinel', 'sentinels', 'mail') !== ''
  while (!watchers.every(knowsAll)) await tick()
  while (say(replica, 'open sesame', 'dbsize') !== '1') await tick()
  await primary.kill()
  await store.holds(print(2))
  t.equal(say(replica, 'open sesame', 'dbsize'), '2', 'the next primary is found, too')
})
