import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { findProgram, lacks } from '../../needs.mjs'
import { until } from '../../run/until.ts'
import { freePort } from '../host/free-port.ts'
import { type Ending, type Server, startServer } from '../host/server.ts'
import { socketDirectory } from '../host/socket-directory.ts'

/**
 * The server program: Valkey, or Redis if the machine has only that. Debian 12 has Redis, later
 * ones have both.
 */
const [server, client] = ['server', 'cli'].map(
  (name) => findProgram(`valkey-${name}`) ?? findProgram(`redis-${name}`),
)

export const storeMissing: string | false = lacks('redis-server', 'redis-cli', 'openssl')

export interface StoreServer extends Server {
  readonly port: number
  /** Its unix socket. */
  readonly socket: string
  /** What the server answers to a command. */
  command(...words: string[]): string
}

export interface StoreSetup {
  readonly port?: number
  readonly args?: readonly string[]
  readonly sentinel?: string
}

/** Starts a server on loopback that writes nothing to the disk and ends with the test. */
export async function startStore(t: Ending, setup: StoreSetup = {}): Promise<StoreServer> {
  const directory = socketDirectory(t)
  const port = setup.port ?? (await freePort())
  const socket = `${directory}/s`
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--unixsocket', socket],
    ...['--save', '', '--appendonly', 'no', '--dir', directory, ...(setup.args ?? [])],
  ]
  if (setup.sentinel !== undefined) {
    writeFileSync(`${directory}/sentinel.conf`, `port ${port}\nbind 127.0.0.1\n${setup.sentinel}`)
    args.splice(0, args.length, `${directory}/sentinel.conf`, '--sentinel', '--dir', directory)
  }
  mkdirSync(directory, { recursive: true })
  const ready = /Ready to accept connections|Sentinel ID is|\+monitor/
  const store = await startServer([server!, ...args], ready, { signal: 'SIGKILL' })
  t.teardown(store.stop)
  return {
    ...store,
    port,
    socket,
    command: (...words) =>
      execFileSync(client!, ['-h', '127.0.0.1', '-p', String(port), ...words], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim(),
  }
}

function isInStep(replica: StoreServer): boolean {
  return replica.command('info', 'replication').includes('master_link_status:up')
}

/** Starts a primary, its replica, and sentinels that know both by the name `mail`. */
export interface Watched {
  readonly primary: StoreServer
  readonly replica: StoreServer
  readonly sentinels: readonly StoreServer[]
  /** Resolves to the port of the primary, as the first sentinel reports it. */
  primaryPort(): number
}

export async function startWatched(
  t: Ending,
  {
    args = [],
    sentinels = 3,
  }: { readonly args?: readonly string[]; readonly sentinels?: number } = {},
): Promise<Watched> {
  const primary = await startStore(t, { args })
  const replicaOf = ['--replicaof', '127.0.0.1', String(primary.port)]
  const replica = await startStore(t, { args: [...args, ...replicaOf] })
  const quorum = Math.floor(sentinels / 2) + 1
  const sentinel = `sentinel monitor mail 127.0.0.1 ${primary.port} ${quorum}
sentinel down-after-milliseconds mail 500
sentinel failover-timeout mail 2000
`
  const starts = Array.from({ length: sentinels }, () => startStore(t, { sentinel }))
  const watchers = await Promise.all(starts)
  await until(
    () => watchers.every((watcher) => isReady(watcher, replica, sentinels)),
    'the sentinels know each other',
  )
  await until(() => isInStep(replica), 'the replica is in step')
  const [first] = watchers
  return {
    primary,
    replica,
    sentinels: watchers,
    primaryPort() {
      const [, port] = first!.command('sentinel', 'get-master-addr-by-name', 'mail').split('\n')
      return Number(port)
    },
  }
}

/** Whether a sentinel knows the replica and all other sentinels, so that it could switch. */
function isReady(sentinel: StoreServer, replica: StoreServer, sentinels: number): boolean {
  const others = sentinel.command('sentinel', 'sentinels', 'mail').match(/^runid$/gm)?.length ?? 0
  const replicas = sentinel.command('sentinel', 'replicas', 'mail')
  return others === sentinels - 1 && replicas.includes(String(replica.port))
}

/** Makes what server and client need for TLS: a self-signed certificate for 127.0.0.1. */
export function makeCertificate(directory: string): {
  readonly cert: string
  readonly key: string
} {
  const [cert, key] = [`${directory}/cert.pem`, `${directory}/key.pem`]
  const own = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  const about = ['-subj', '/CN=store', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', ...own, ...about, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  })
  return { cert, key }
}

/** A cluster whose primaries have equal shares of the slots. */
export interface StoreCluster {
  readonly servers: readonly StoreServer[]
  /** The address of a store with these servers, or all of them. */
  address(...servers: readonly StoreServer[]): string
  /** The primary that has this key. */
  primaryOf(key: string): StoreServer
}

const SLOTS = 16_384
const CLUSTER = ['--cluster-enabled', 'yes']
/** Milliseconds after which a replica takes over. The default is 15 s: on a busy machine servers may be silent for a second. */
const SILENT_MAX = '1000'
/** Verdicts on slots of other servers are used while one is away. */
const NOT_COMPLETE = ['--cluster-require-full-coverage', 'no']

/**
 * Starts a cluster of three primaries, and a replica of the first one if asked for. With `tls` its servers talk to
 * each other over TLS, too.
 */
export async function startCluster(
  t: Ending,
  {
    hasReplica = false,
    tls,
  }: {
    readonly hasReplica?: boolean
    readonly tls?: { readonly cert: string; readonly key: string }
  } = {},
): Promise<StoreCluster> {
  const ports = new Map<StoreServer, readonly [port: number, bus: number]>()
  const start = async () => {
    const [bus, secure] = [await freePort(), await freePort()]
    const files = tls && [
      ...['--tls-cert-file', tls.cert, '--tls-key-file', tls.key, '--tls-ca-cert-file', tls.cert],
      ...['--tls-port', String(secure), '--tls-auth-clients', 'no', '--tls-cluster', 'yes'],
    ]
    const args = [...CLUSTER, ...NOT_COMPLETE, '--cluster-port', String(bus), ...(files ?? [])]
    const server = await startStore(t, { args })
    ports.set(server, [tls ? secure : server.port, bus])
    return server
  }
  const servers = [await start(), await start(), await start()]
  const [first] = servers
  const size = Math.ceil(SLOTS / servers.length)
  const ranges = servers.map((_, at) => [at * size, Math.min(SLOTS, (at + 1) * size) - 1] as const)
  for (const [at, range] of ranges.entries()) {
    servers[at]!.command('cluster', 'addslotsrange', ...range.map(String))
  }
  if (hasReplica) servers.push(await start())
  for (const server of servers.slice(1)) {
    first!.command('cluster', 'meet', '127.0.0.1', ...ports.get(server)!.map(String))
  }
  if (hasReplica) {
    const id = first!.command('cluster', 'myid')
    const replica = servers.at(-1)!
    await until(() => replica.command('cluster', 'replicate', id) === 'OK', 'it replicates')
  }
  // A server learns the slots of another one by a later message than its address, and its state is "ok" without them.
  const state = [
    ...['cluster_state:ok', `cluster_known_nodes:${servers.length}`],
    `cluster_slots_ok:${SLOTS}`,
  ]
  const isWhole = (server: StoreServer) => {
    const lines = server.command('cluster', 'info').split(/\r?\n/)
    return state.every((line) => lines.includes(line))
  }
  await until(() => servers.every(isWhole), 'the servers know each other and all slots')
  if (hasReplica) {
    await until(() => isInStep(servers.at(-1)!), 'the replica is in step')
    for (const server of servers)
      server.command('config', 'set', 'cluster-node-timeout', SILENT_MAX)
  }
  return {
    servers,
    address(...some) {
      const hosts = (some.length > 0 ? some : servers).map(
        (one) => `127.0.0.1:${ports.get(one)![0]}`,
      )
      return `${tls ? 'valkeys' : 'valkey'}+cluster://${hosts}`
    },
    primaryOf(key) {
      const slot = Number(first!.command('cluster', 'keyslot', key))
      return servers[ranges.findIndex(([begin, end]) => slot >= begin && slot <= end)]!
    },
  }
}
