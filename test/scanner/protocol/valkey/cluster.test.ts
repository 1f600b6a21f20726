import t, { type Test } from 'tap'
import { slotOf } from '../../../../src/scanner/protocol/valkey/cluster-table.ts'
import { startCluster, startStore, storeMissing } from '../../../programs/servers/store-server.ts'
import { until } from '../../../run/until.ts'
import {
  keyOf,
  type Opened,
  openStore,
  print,
  sealed,
} from '../../scan/verdicts/store/opened-store.ts'
import { standIn } from '../../scan/verdicts/store/stand-in-store.ts'

/** A cluster of real servers, and servers that send invalid tables and redirections. */

const skip = storeMissing
const MISSES_MAX = 3
/** Some verdicts, which have slots of all servers. */
const some = Array.from({ length: 30 }, (_, at) => at + 1)

async function storesAll(store: Opened): Promise<void> {
  for (const n of some) await store.holds(print(n))
}

t.test('a verdict is stored by the primary of its slot', { skip }, async (t) => {
  const cluster = await startCluster(t)
  const [one, two] = [
    openStore(t, cluster.address(cluster.servers[1]!)),
    openStore(t, cluster.address()),
  ]
  await storesAll(one)
  for (const n of some) {
    await two.holds(print(n))
    const key = keyOf(n)
    t.equal(slotOf(key), Number(cluster.servers[0]!.command('cluster', 'keyslot', key)))
    t.equal(cluster.primaryOf(key).command('exists', key), '1')
  }
  for (const server of cluster.servers) t.ok(Number(server.command('dbsize')) > 0)
  t.same([...one.log, ...two.log], [])
  t.equal(one.sharing().counters.errors, 0)
})

t.test('while a primary is away, the verdicts of the others are used', { skip }, async (t) => {
  const cluster = await startCluster(t)
  const store = openStore(t, cluster.address(cluster.servers[0]!))
  await storesAll(store)
  const away = cluster.servers[0]! // the only one in the address
  const lost = some.filter((n) => cluster.primaryOf(keyOf(n)) === away)
  const isAway = (n: number) => lost.includes(n)
  await away.stop()
  await until(() => store.log.length > 0, 'a line of the log')
  t.match(store.log[0], `127.0.0.1:${away.port}: `)
  for (const n of some) {
    if (isAway(n)) t.equal(store.get(print(n)), undefined, 'at once')
    else t.same(await store.get(print(n)), sealed)
  }
  t.match(store.sharing().trouble, `127.0.0.1:${away.port}`)
  const another = openStore(t, cluster.address())
  for (const n of some.filter((n) => !isAway(n))) await another.holds(print(n))
})

t.test('a replica that takes over is found', { skip }, async (t) => {
  const cluster = await startCluster(t, { hasReplica: true })
  const [away, other, , replica] = cluster.servers
  const store = openStore(t, cluster.address(away!, other!))
  await storesAll(store)
  process.kill(away!.pid, 'SIGSTOP')
  await until(() => replica!.command('role').startsWith('master'), 'the replica is a primary')
  await storesAll(store)
  t.ok(Number(replica!.command('dbsize')) > 0)
  await until(() => store.sharing().trouble === undefined, 'the end of the trouble')
  t.match(store.log.at(-1), /answers again/)
})

// promise: store-answers
t.test(
  'a primary that hangs delays three messages, and none of other slots',
  { skip },
  async (t) => {
    const cluster = await startCluster(t)
    const store = openStore(t, cluster.address(), { timeout: 400 })
    await storesAll(store)
    const { late } = store.sharing().counters
    const stopped = cluster.servers[2]!
    process.kill(stopped.pid, 'SIGSTOP')
    const affected = some.filter((n) => cluster.primaryOf(keyOf(n)) === stopped)
    t.ok(affected.length > MISSES_MAX)
    for (const n of affected.slice(0, MISSES_MAX)) t.equal(await store.get(print(n)), undefined)
    for (const n of affected)
      t.equal(store.get(print(n)), undefined, 'without a promise to wait for')
    t.equal(store.sharing().counters.late - late, MISSES_MAX)
    for (const n of some) if (!affected.includes(n)) t.same(await store.get(print(n)), sealed)
    process.kill(stopped.pid, 'SIGCONT')
    await storesAll(store)
  },
)

t.test(
  'a slot is found while it is moved to another server, and afterwards',
  { skip },
  async (t) => {
    const cluster = await startCluster(t)
    const store = openStore(t, cluster.address())
    await storesAll(store)
    const slot = String(slotOf(keyOf(1)))
    const source = cluster.primaryOf(keyOf(1))
    const target = cluster.servers.find((server) => server !== source)!
    const [from, to] = [source, target].map((server) => server.command('cluster', 'myid')) as [string, string] // biome-ignore format: a pair
    target.command('cluster', 'setslot', slot, 'importing', from)
    source.command('cluster', 'setslot', slot, 'migrating', to)
    t.same(await store.get(print(1)), sealed, 'which has not moved')
    source.command('del', keyOf(1))
    t.equal(await store.get(print(1)), undefined)
    store.put(print(1), sealed, 60)
    await until(async () => (await store.get(print(1)))?.equals(sealed), 'the verdict')
    for (const server of [target, source]) server.command('cluster', 'setslot', slot, 'node', to)
    t.same(await store.get(print(1)), sealed, 'by a redirection')
    t.equal(target.command('exists', keyOf(1)), '1')
    t.same(store.log, [])
    t.equal(store.sharing().counters.errors, 0)
  },
)

t.test('one server is not a cluster, which is logged', { skip }, async (t) => {
  const server = await startStore(t)
  const store = openStore(t, `valkey+cluster://127.0.0.1:${server.port}`)
  await until(() => store.log.length > 0, 'a line of the log')
  t.match(store.log[0], /cluster support disabled/)
  t.equal(store.get(print()), undefined)
})

const ID = 'f'.repeat(40)
/** A line of a table. */
const row = (address: string, slots: string) =>
  `${ID} ${address} master - 0 0 1 connected ${slots}\n`

/** Starts a server that sends this table, and this reply to every question about a message. */
async function lyingServer(
  t: Test,
  table: (port: number) => string,
  reply: (port: number) => string,
) {
  let port = 0
  let asked = 0
  const server = await standIn(t, (command) => {
    if (command.includes('NODES')) {
      const text = table(port)
      return `$${text.length}\r\n${text}\r\n`
    }
    if (!/\bSET\b|GETRANGE/.test(command)) return '+OK\r\n'
    asked++
    return reply(port)
  })
  port = server.port
  return { ...server, asked: () => asked }
}

const whole = (port: number) => row(`127.0.0.1:${port}@1`, '0-16383')
const nothing = () => '$0\r\n\r\n'

/** Tables that no cluster sends, or that would use too much memory or too many connections. */
const tables: Readonly<Record<string, readonly [table: (port: number) => string, reason: RegExp]>> =
  {
    'has more than 64 KiB': [(port) => whole(port).repeat(1500), /answer of more than 65536 bytes/],
    'gives a slot to two servers': [
      (port) => whole(port) + row('192.0.2.1:6379@1', '5'),
      /an invalid table/,
    ],
    'repeats a range': [
      (port) => row(`127.0.0.1:${port}@1`, '0-16383 '.repeat(3000)),
      /an invalid table/,
    ],
    'has slots beyond the last one': [
      (port) => row(`127.0.0.1:${port}@1`, '0-16384'),
      /an invalid table/,
    ],
    'has a range that ends before it begins': [
      (port) => row(`127.0.0.1:${port}@1`, '9-3'),
      /an invalid table/,
    ],
    'has no address': [() => row('x', '0-16383'), /an invalid table/],
    'has no line': [() => '', /an invalid table/],
    'names 33 primaries': [
      (port) =>
        whole(port) +
        Array.from({ length: 32 }, (_, at) => row(`192.0.2.1:${at + 1}@1`, '')).join(''),
      /a cluster of more than 32 primaries/,
    ],
    'leaves out a slot': [
      (port) => row(`127.0.0.1:${port}@1`, '1-16383'),
      /has 1 of its 16384 slots/,
    ],
  }

for (const [what, [table, reason]] of Object.entries(tables)) {
  // promise: store-answers
  t.test(`a table that ${what} is logged, and costs no mail`, async (t) => {
    const { port, connections } = await lyingServer(t, table, nothing)
    const before = process.memoryUsage().rss
    const store = openStore(t, `valkey+cluster://127.0.0.1:${port}`)
    await until(() => store.log.length > 0, 'a line of the log')
    t.match(store.log[0], reason)
    t.ok(process.memoryUsage().rss - before < 100_000_000)
    t.ok(connections.length <= 2)
  })
}

/** Redirections that lead nowhere. */
const redirections: Readonly<Record<string, (port: number) => string>> = {
  'to itself': (port) => `-MOVED 1 127.0.0.1:${port}\r\n`,
  'to itself, while a slot is moved': (port) => `-ASK 1 127.0.0.1:${port}\r\n`,
  'to a host without a name': (port) => `-MOVED 1 :${port}\r\n`,
  'to a host outside the cluster': () => '-MOVED 1 192.0.2.1:6379\r\n',
  'to no address': () => '-MOVED 1 whatever\r\n',
}

for (const [where, reply] of Object.entries(redirections)) {
  // promise: store-answers
  t.test(`a redirection ${where} ends`, async (t) => {
    const { port, asked, connections } = await lyingServer(t, whole, reply)
    const store = openStore(t, `valkey+cluster://127.0.0.1:${port}`)
    await until(() => store.get(print()) !== undefined, 'it asks')
    const before = asked()
    for (let n = 1; n <= 20; n++) t.equal(await store.get(print(n)), undefined)
    // Two commands for a message, which is redirected twice.
    t.ok(asked() - before <= 20 * 2 * 3, String(asked() - before))
    t.equal(connections.length, 1)
    t.ok(store.log.length <= 2)
  })
}

t.test('a cluster that names other servers each time is followed once a second', async (t) => {
  let tables = 0
  const { port } = await lyingServer(
    t,
    (port) => row(`127.0.0.1:${port}@1`, '0-1') + row(`127.0.0.1:${++tables}@1`, '2-16383'),
    nothing,
  )
  const began = performance.now()
  const store = openStore(t, `valkey+cluster://127.0.0.1:${port}`)
  await until(() => tables > 2, 'more tables')
  t.ok(tables <= 2 + (performance.now() - began) / 1000)
  t.ok(store.log.length <= 4, store.log.join('\n'))
})
