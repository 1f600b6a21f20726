import { writeFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import {
  type StoreServer,
  startCluster,
  startStore,
  storeMissing,
} from '../../programs/servers/store-server.ts'
import { until } from '../../run/until.ts'
import { type Asked, DATABASE, numbered, standIn } from '../scan/scanners/clamd/stand-in.ts'
import { type RunningDaemon, runtimes, startOnescand } from './process.ts'

/** The processes of one onescand share what they know. */

const letter = (n: number, body = 'Hello') =>
  Buffer.from(`Date: ${n}\nTo: <${n}@example.org>\nFrom: news@example.com\n\n${body}\n`)

t.test('a thousand copies through three processes are a scan for each at most', async (t) => {
  let scans = 0
  const scan = (asked: Asked) => {
    if (!asked.message.includes('Hello')) return numbered('stream: OK')(asked)
    scans++
    setTimeout(() => numbered('stream: OK')(asked), 200)
  }
  const clamd = await standIn(t, scan, { version: () => 'ClamAV 1.4.3' })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDBDIR: DATABASE }
  const onescand = await startOnescand(t, { settings, args: ['--workers', '3'] })
  // After these messages all processes know clamd's signatures. Before that copies are scanned.
  const others = Array.from({ length: 48 }, (_, n) => letter(n, `No copy: ${n}`))
  for (let at = 0; at < others.length; at += 8) {
    const some = others.slice(at, at + 8)
    await Promise.all(some.map((message) => onescand.ask({ message, variables: settings })))
  }
  const answers = new Set<string>()
  let n = 0
  const clients = Array.from({ length: 8 }, async () => {
    while (n < 1000) {
      const { does, log } = await onescand.ask({ message: letter(n++), variables: settings })
      t.equal(does, 'hand on')
      answers.add(/ scan=(\w+)/.exec(log)?.[1] ?? '')
    }
  })
  await Promise.all(clients)
  t.same([...answers].sort(), ['cached', 'clean'])
  t.ok(scans >= 1 && scans <= 3, `${scans} scans`)
})

/** Two daemons and more that share the store at this address. */
async function daemonsWith(t: Test, VERDICTS: string, program: readonly string[]) {
  const clamd = await standIn(t, numbered('stream: OK'), { version: () => 'ClamAV 1.4.3' })
  const ring = `${t.testdir({})}/ring`
  const secret = Buffer.alloc(32, 7).toString('base64url')
  writeFileSync(ring, `hmac-sha256:alpha:${secret}\n`, { mode: 0o600 })
  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamd.socket,
    CLAMDBDIR: DATABASE,
    CLUSTERKEYS: ring,
    VERDICTS,
  }
  return {
    start: () => startOnescand(t, { program, settings }),
    send: async (message: Buffer, { ask }: RunningDaemon) => {
      const { does, log } = await ask({ message, variables: { QHPSI: settings.QHPSI } })
      t.equal(does, 'hand on')
      return / scan=(\w+)/.exec(log)?.[1]
    },
  }
}

/** How many daemons are connected to a server of the store, each by its first process and by its worker. */
const daemonsAt = (store: StoreServer) =>
  (store.command('client', 'list').match(/name=onescand/g)?.length ?? 0) / 2

for (const { name, program } of runtimes) {
  t.test(`two daemons share a store, ${name}`, { skip: storeMissing }, async (t) => {
    const store = await startStore(t)
    const { start, send } = await daemonsWith(t, `unix:${store.socket}`, program)
    const [one, other] = [await start(), await start()]
    await until(() => daemonsAt(store) === 2, 'both are connected')
    t.equal(await send(letter(1), one), 'clean')
    await until(() => store.command('dbsize') === '1', 'the verdict is stored')
    t.equal(await send(letter(2), other), 'cached')
  })

  t.test(
    `two daemons share a cluster, and go on without one of its primaries, ${name}`,
    { skip: storeMissing },
    async (t) => {
      const cluster = await startCluster(t)
      const [away, ...left] = cluster.servers
      const { start, send } = await daemonsWith(t, cluster.address(), program)
      const [one, other] = [await start(), await start()]
      const areConnected = (count: number, servers: readonly StoreServer[]) =>
        until(() => servers.every((server) => daemonsAt(server) === count), 'all are connected')
      await areConnected(2, cluster.servers)
      const bodies = Array.from({ length: 12 }, (_, at) => `Hello ${at}`)
      for (const body of bodies) t.equal(await send(letter(1, body), one), 'clean')
      const stored = (server: StoreServer) => Number(server.command('dbsize'))
      const areStored = () => sumOf(cluster.servers.map(stored)) === bodies.length
      await until(areStored, 'all verdicts are stored')
      for (const server of cluster.servers) t.ok(stored(server) > 0, 'each has some of them')
      for (const body of bodies) t.equal(await send(letter(2, body), other), 'cached')

      const lost = stored(away!)
      await away!.stop()
      const third = await start()
      await areConnected(3, left)
      const found = []
      for (const body of bodies) found.push(await send(letter(3, body), third))
      t.equal(found.filter((scan) => scan === 'clean').length, lost, 'scanned again')
      t.equal(found.filter((scan) => scan === 'cached').length, bodies.length - lost)
    },
  )
}

const sumOf = (counts: readonly number[]) => counts.reduce((sum, count) => sum + count, 0)
