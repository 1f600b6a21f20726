import { readFileSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readStoreAddress } from '../../../../src/scanner/protocol/valkey/store-address.ts'
import { tryStore } from '../../../../src/scanner/scan/verdicts/store/shared-store.ts'
import { example } from '../../../programs/example.ts'
import { freePort } from '../../../programs/host/free-port.ts'
import {
  makeCertificate,
  type StoreServer,
  startCluster,
  startStore,
  startWatched,
  storeMissing,
} from '../../../programs/servers/store-server.ts'
import { until } from '../../../run/until.ts'
import { type Opened, openStore, print, sealed } from '../../scan/verdicts/store/opened-store.ts'
import { standIn } from '../../scan/verdicts/store/stand-in-store.ts'

/** One server, sentinels, a cluster, with TLS: real servers, which let in the user of the example. */

const skip = storeMissing
const [, ...rules] = /^user (onescan .*)$/m
  .exec(example('valkey/valkey.conf'))![1]!
  .replace('>PASSWORD', '>secret')
  .split(' ')
const rights = rules.filter((rule) => rule.startsWith('+'))

/** Sets up the user onescan as in the example. */
function letIn(servers: readonly StoreServer[], without?: string): void {
  const granted = rules.filter((rule) => rule !== without)
  for (const server of servers) server.command('acl', 'setuser', 'onescan', 'reset', ...granted)
}

interface Mode {
  readonly servers: readonly StoreServer[]
  /** `VERDICTS`, with the user. */
  readonly url: string
  readonly authorities?: string
}

const modes: Readonly<Record<string, (t: Test) => Promise<Mode>>> = {
  async 'one server'(t) {
    const server = await startStore(t)
    return { servers: [server], url: `valkey://onescan@127.0.0.1:${server.port}/3` }
  },
  async 'one server by TLS'(t) {
    const { cert, key } = makeCertificate(t.testdir())
    const port = await freePort()
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', cert]
    const args = ['--tls-port', String(port), ...files, '--tls-auth-clients', 'no']
    const servers = [await startStore(t, { args })]
    return { servers, url: `valkeys://onescan@127.0.0.1:${port}`, authorities: cert }
  },
  async sentinels(t) {
    const { primary, replica, sentinels } = await startWatched(t)
    const list = sentinels.map(({ port }) => `127.0.0.1:${port}`)
    return { servers: [primary, replica], url: `valkey+sentinel://onescan@${list}/mail` }
  },
  async 'a cluster'(t) {
    const { servers, address } = await startCluster(t)
    return { servers, url: address(servers[0]!).replace('//', '//onescan@') }
  },
  async 'a cluster by TLS'(t) {
    const tls = makeCertificate(t.testdir())
    const { servers, address } = await startCluster(t, { tls })
    return {
      servers,
      url: address(servers[0]!).replace('//', '//onescan@'),
      authorities: tls.cert,
    }
  },
}

for (const [name, start] of Object.entries(modes)) {
  t.test(`the user of the page shares verdicts: ${name}`, { skip }, async (t) => {
    const { servers, url, authorities } = await start(t)
    const open = (timeout = 500) => openStore(t, url, { password: 'secret', authorities, timeout })
    letIn(servers)
    const [one, two] = [open(), open()]
    for (let n = 1; n <= 20; n++) await one.holds(print(n))
    for (let n = 1; n <= 20; n++) t.same(await answered(two, n), sealed)
    t.same([...one.log, ...two.log], [])
    one.close()
    two.close()

    for (const right of rights) {
      letIn(servers, right)
      const store = open()
      // The store shares without that right, or reports that it cannot.
      await until(
        async () => store.log.length > 0 || (await sharesAll(store)),
        'it shares, or reports that it cannot',
      )
      if (right === '+getrange' || right === '+set') t.match(store.log, [/NOPERM/], right)
      // Not that of another database, in which another cluster's verdicts are.
      if (right === '+select' && /\/\d$/.test(url)) t.match(store.log, [/NOPERM/], right)
      t.ok(store.log.length <= 1, `${right}: ${store.log.join('; ')}`)
      const { trouble } = store.sharing()
      t.equal(trouble !== undefined, store.log.length === 1)
      store.close()
      // onescan check finds the same.
      const access = {
        address: readStoreAddress(url)!,
        authorities,
        password: 'secret',
        sentinelPassword: undefined,
      }
      if (trouble === undefined) t.ok((await tryStore(access, 3_000)).time > 0)
      else await t.rejects(tryStore(access, 3_000), { message: trouble })
    }
  })
}

t.test(
  'the user in the documented block has access from other hosts, and no other user',
  { skip },
  async (t) => {
    // The server takes a connection from an address that is not of loopback for one of another host.
    const addresses = Object.values(networkInterfaces()).flat()
    const own = addresses.find((found) => !found!.internal && found!.family === 'IPv4')?.address
    const file = join(t.testdir(), 'valkey.conf')
    const words = { PASSWORD: 'secret', ' 10.0.0.1\n': own === undefined ? '\n' : ` ${own}\n` }
    writeFileSync(file, example('valkey/valkey.conf', words))
    const server = await startStore(t, { args: ['--include', file] })
    const page = readFileSync(join(import.meta.dirname, '../../../../doc/cluster.md'), 'utf8')
    const [url = ''] = /valkey:\/\/onescan@[\d.]+/.exec(page)!
    const store = openStore(t, url.replace('10.0.0.1', `${own ?? '127.0.0.1'}:${server.port}`), {
      password: 'secret',
    })
    await store.holds(print(1))
    t.same(store.log, [])
    t.match(server.command('get', 'x'), 'NOAUTH', 'the default user is off')
  },
)

async function answered(store: Opened, n: number): Promise<Buffer | undefined> {
  let asked: Promise<Buffer | undefined> | undefined
  await until(() => {
    asked = store.get(print(n))
    return asked !== undefined
  }, 'it asks the store')
  return asked
}

/** Checks that verdicts are found and stored. */
async function sharesAll(store: Opened): Promise<boolean> {
  for (let n = 1; n <= 20; n++) {
    if (!(await store.get(print(n)))?.equals(sealed)) return false
    store.put(print(n), sealed, 60)
  }
  const published = () => store.sharing().counters.published
  await until(
    () => store.log.length > 0 || published() >= 20,
    'it publishes, or reports that it cannot',
  )
  return store.log.length === 0
}

t.test('a server of a cluster is not a store, which is logged', { skip }, async (t) => {
  // By default its second port is higher by 10,000: among those that connections have.
  const args = ['--cluster-enabled', 'yes', '--cluster-port', String(await freePort())]
  const server = await startStore(t, { args })
  const store = openStore(t, `valkey://127.0.0.1:${server.port}`)
  await until(() => {
    for (let n = 1; n <= 20; n++) store.put(print(n), sealed, 60)
    return store.log.length > 0
  }, 'a line of the log')
  t.match(store.log[0], /CLUSTERDOWN/)
})

t.test('with sentinels a stopped primary is left for the next one', { skip }, async (t) => {
  const { primary, replica, sentinels, primaryPort } = await startWatched(t)
  const list = sentinels.map(({ port }) => `127.0.0.1:${port}`)
  const store = openStore(t, `valkey+sentinel://${list}/mail`, { timeout: 100 })
  await store.holds(print())
  await until(() => replica.command('dbsize') === '1', 'the replica has it')
  // A sentinel on the same machine reports nothing, either.
  const stopped = [primary, sentinels[1]!]
  for (const { pid } of stopped) process.kill(pid, 'SIGSTOP')
  const holds = store.holds(print(2))
  await until(() => primaryPort() === replica.port, 'the replica is the primary')
  const switched = performance.now()
  await holds
  t.comment(`${Math.round(performance.now() - switched)} ms after the switch`)
  t.equal(replica.command('dbsize'), '2')
  t.match(store.log.at(-1), /answers again/)
})

t.test('a primary that comes back as a replica is left, too', { skip }, async (t) => {
  const { primary, replica, sentinels, primaryPort } = await startWatched(t, { sentinels: 1 })
  const url = `valkey+sentinel://127.0.0.1:${sentinels[0]!.port}/mail`
  const store = openStore(t, url)
  await store.holds(print())
  sentinels[0]!.command('sentinel', 'failover', 'mail')
  await until(() => primaryPort() === replica.port, 'the replica is the primary')
  primary.command('replicaof', '127.0.0.1', String(replica.port)) // as sentinels do, later
  await until(() => {
    store.put(print(2), sealed, 60)
    return replica.command('exists', `onescan:verdict:1:${print(2)}`) === '1'
  }, 'the new primary has it')
  t.pass('it writes to the new one')
})

t.test('sentinels may have a password of their own', { skip }, async (t) => {
  const primary = await startStore(t, { args: ['--requirepass', 'open sesame'] })
  const sentinel = `requirepass "who goes there"
sentinel monitor mail 127.0.0.1 ${primary.port} 1
sentinel auth-pass mail "open sesame"
`
  const watcher = await startStore(t, { sentinel })
  const url = `valkey+sentinel://127.0.0.1:${watcher.port}/mail`
  for (const sentinelPassword of [undefined, 'open sesame']) {
    const shut = openStore(t, url, { password: 'open sesame', sentinelPassword })
    await until(() => shut.log.length > 0, 'a line of the log')
    t.match(shut.log[0], /sentinel.*(NOAUTH|WRONGPASS)/)
    t.notMatch(shut.log.join(), /open sesame/)
    t.equal(await shut.get(print()), undefined)
  }
  const passwords = { password: 'open sesame', sentinelPassword: 'who goes there' }
  await openStore(t, url, passwords).holds(print())
  const stranger = openStore(t, url.replace('mail', 'post'), passwords)
  await until(() => stranger.log.length > 0, 'a line of the log')
  t.match(stranger.log[0], /does not know post/)
})

t.test('a silent server is left, at each step', async (t) => {
  const steps: readonly (readonly [string, RegExp])[] = [
    ['valkey://127.0.0.1:PORT/3', /AUTH/],
    ['valkey://127.0.0.1:PORT/3', /SELECT/],
    ['valkey://127.0.0.1:PORT', /GETRANGE/],
    ['valkeys://127.0.0.1:PORT', /./],
    ['valkey+sentinel://127.0.0.1:PORT/mail', /CLIENT/],
    ['valkey+sentinel://127.0.0.1:PORT/mail', /GET-MASTER/],
  ]
  await Promise.all(
    steps.map(async ([url, silent]) => {
      const { port, connections } = await silentAt(t, silent)
      const store = openStore(t, url.replace('PORT', String(port)), { password: 'secret' })
      await until(() => connections.length >= 2 && store.log.length > 0, 'two attempts')
      t.match(store.log, [/no answer in 1.5 s/], `${url} ${silent}`)
    }),
  )
})

/** A server that answers OK to all commands of a connection until this question. */
function silentAt(t: Test, question: RegExp) {
  const silent = new Set<Socket>()
  return standIn(t, (command, connection) => {
    if (question.test(command)) silent.add(connection)
    return silent.has(connection) ? '' : '+OK\r\n'
  })
}
