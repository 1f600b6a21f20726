import { SharedWork } from '../../base/flow/cache.ts'
import { Semaphore } from '../../base/flow/semaphore.ts'
import { addressText, type IpAddress } from '../../base/net/ip-address.ts'
import type { TcpRule } from '../../base/net/tcp-rules.ts'
import type { Environment } from '../../base/process/environment.ts'
import type { System, TcpEndpoint } from '../../base/runtime/system.ts'
import type { DelayOptions, GateOptions } from '../options/delay-options.ts'
import { IGNORED, readUcspiClient } from '../options/ucspi.ts'
import { type Plan, planFor, readPlanSources } from '../plan/plan.ts'
import { isConfirmed, lookUpNames, type Resolver } from '../plan/reverse-dns.ts'
import { findTcpRule, NO_RULE } from './find-tcp-rule.ts'
import type { GateConnection } from './gate-connection.ts'
import type { RememberedClients } from './remembered-clients.ts'

/** The wait of a connection, and the environment of its program. */
interface PreparedConnection {
  readonly plan: Plan
  readonly environment: Environment
  /** An invalid setting for this client, which is ignored. */
  readonly wrong: string | undefined
}

/** The settings and state with which a connection is prepared. */
export interface ConnectionTools {
  readonly options: DelayOptions
  readonly gate: GateOptions
  readonly env: Environment
  readonly system: System
  readonly remembered: RememberedClients
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
}

/** Does for a connection what tcpserver does before it starts a program, and plans its wait. */
export class ConnectionPreparer {
  readonly #parts: ConnectionTools
  readonly #base: Environment
  #sources: ReturnType<typeof readSources>

  /** Reads all lists. Throws a Fault if one cannot be read. */
  constructor(parts: ConnectionTools) {
    this.#parts = parts
    this.#base = baseEnvironment(parts.env)
    this.#sources = readSources(parts)
  }

  /** Resolves to undefined if a rule denies the client. */
  async prepare(connection: GateConnection): Promise<PreparedConnection | undefined> {
    const { options, gate, system, remembered } = this.#parts
    const { allowed, rules, ask, localHostOf } = this.#sources
    const { address, fd } = connection.peer
    const resolver = ask()
    const local = system.localEndpoint(fd)
    if (local === undefined) throw new Error('the connection is broken')
    const remoteHost = await remoteHostOf(address, gate.lookUp, resolver)
    const localHost = await localHostOf(local.address, resolver)
    const rule = gate.rules ? findTcpRule(gate.rules, connection.ip, remoteHost) : NO_RULE
    if (rule.isDenied) return undefined
    const ends = { local, localHost, remote: connection.peer, remoteHost }
    const variables = connectionVariables(ends, rule)
    // Variables of the gate's own environment count for every client, as with tcpserver.
    const { RELAYCLIENT, SMTPDELAY, RBLSMTPD } = this.#base
    const byEnvironment = readUcspiClient({ RELAYCLIENT, SMTPDELAY, RBLSMTPD, ...variables })
    // Only the first name is in TCPREMOTEHOST. Without it, the plan looks up all of them. A name that the
    // rule has set stays.
    const client = {
      ...byEnvironment,
      name: byEnvironment.name === remoteHost ? undefined : byEnvironment.name,
    }
    const isRemembered = remembered.has(connection.client)
    const plan = planFor(client, options, { allowed, rules, resolver, isRemembered })
    return { plan, environment: { ...this.#base, ...variables }, wrong: client.wrong }
  }

  /** Reads all lists again. If one cannot be read, throws a Fault, and the old lists stay. */
  reload(): void {
    this.#sources = readSources(this.#parts)
  }
}

function readSources({ options, gate, env, uptime }: ConnectionTools) {
  const { ask, ...lists } = readPlanSources(options, env, uptime)
  return { ...lists, ask: shareQuestions(ask), localHostOf: createLocalHosts(gate.localName) }
}

/** Variables that are meant for the gate itself, and not for the programs that it starts. */
const OWN = [
  IGNORED,
  'LISTEN_PID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
]
/** Variables of tcp-environ(5) that a connection may lack. TCPREMOTEINFO is never set. */
const PER_CONNECTION = ['TCPLOCALHOST', 'TCPREMOTEHOST', 'TCPREMOTEINFO']

/** The part of the gate's own environment that programs get. */
function baseEnvironment(env: Environment): Environment {
  const leftOut = new Set([...OWN, ...PER_CONNECTION])
  return Object.fromEntries(Object.entries(env).filter(([name]) => !leftOut.has(name)))
}

/** The two ends of a connection, with their host names if these are known. */
interface ConnectionEnds {
  readonly local: TcpEndpoint
  readonly localHost: string | undefined
  readonly remote: TcpEndpoint
  readonly remoteHost: string | undefined
}

/**
 * Returns the variables of a connection: those of tcp-environ(5), and then those of the client's rule, which
 * may override them. tcp-environ(5) does not mention IPv6; PROTO is TCP for it as well, as with other
 * servers.
 */
function connectionVariables(ends: ConnectionEnds, rule: TcpRule): Environment {
  const { local, localHost, remote, remoteHost } = ends
  return {
    PROTO: 'TCP',
    TCPLOCALIP: addressText(local.address),
    TCPLOCALPORT: String(local.port),
    ...(localHost !== undefined && { TCPLOCALHOST: localHost }),
    TCPREMOTEIP: addressText(remote.address),
    TCPREMOTEPORT: String(remote.port),
    ...(remoteHost !== undefined && { TCPREMOTEHOST: remoteHost }),
    ...Object.fromEntries(rule.variables),
  }
}

/** Upper limit for concurrent DNS queries. A server on this host would lose some if there were more. */
const QUESTIONS_MAX = 500

/** Returns a factory of resolvers for clients. Equal concurrent queries of several clients are sent once. */
function shareQuestions(ask: () => Resolver): () => Resolver {
  const permits = new Semaphore(QUESTIONS_MAX)
  const asked = new SharedWork<readonly string[]>()
  const shared = (question: string, work: () => Promise<readonly string[]>) =>
    asked.get(question) ?? asked.begin(question, permits.run(work))
  return () => {
    const resolver = ask()
    return {
      names: (domain) => shared(`PTR ${domain}`, () => resolver.names(domain)),
      addresses: (name, family) =>
        shared(`${family} ${name}`, () => resolver.addresses(name, family)),
    }
  }
}

/**
 * Looks up TCPREMOTEHOST as tcpserver(1) does: the first name of the address. With -p the name
 * counts only if it has the address.
 */
async function remoteHostOf(
  address: IpAddress,
  lookUp: 'never' | 'name' | 'confirmed name',
  resolver: Resolver,
): Promise<string | undefined> {
  if (lookUp === 'never') return undefined
  const names = await lookUpNames(address, resolver)
  const [name] = names.answer === 'names' ? names.names : []
  // An environment variable cannot hold a NUL.
  if (name === undefined || name.includes('\0')) return undefined
  if (lookUp === 'name') return name
  return (await isConfirmed(name, address, resolver)) ? name : undefined
}

/** Finds TCPLOCALHOST: the name of -l, else that of the local address, which is looked up once. */
function createLocalHosts(
  localName: string | undefined,
): (address: IpAddress, resolver: Resolver) => Promise<string | undefined> | string {
  const known = new Map<string, Promise<string | undefined>>()
  return (address, resolver) => {
    if (localName !== undefined) return localName
    const text = addressText(address)
    const name = known.get(text) ?? remoteHostOf(address, 'name', resolver)
    known.set(text, name)
    return name
  }
}
