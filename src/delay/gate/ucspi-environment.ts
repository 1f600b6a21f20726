import { addressText } from '../../ground/net/ip-address.ts'
import type { TcpRule } from '../../ground/net/tcp-rules.ts'
import type { TcpEndpoint } from '../../ground/runtime/socket-address.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { IGNORED } from '../shared/server-program.ts'

/**
 * Variables for this process alone: the socket that was handed over, and where it reports that it
 * runs.
 */
const OWN = [
  IGNORED,
  'LISTEN_PID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'NOTIFY_SOCKET',
  'WATCHDOG_USEC',
  'WATCHDOG_PID',
]
/** Set for each connection, or not at all: tcp-environ(5). TCPREMOTEINFO is never asked for. */
const PER_CONNECTION = ['TCPLOCALHOST', 'TCPREMOTEHOST', 'TCPREMOTEINFO']

/** What programs get of the environment of the gate itself. */
export function baseEnvironment(env: Environment): Environment {
  const taken = new Set([...OWN, ...PER_CONNECTION])
  return Object.fromEntries(Object.entries(env).filter(([name]) => !taken.has(name)))
}

/** The two ends of a connection, with their names if they are known. */
export interface ConnectionEnds {
  readonly local: TcpEndpoint
  readonly localHost: string | undefined
  readonly remote: TcpEndpoint
  readonly remoteHost: string | undefined
}

/**
 * What a connection adds to the environment: tcp-environ(5), and then what the rule of the client
 * sets, which may override it. tcp-environ(5) has no word for IPv6; as with other servers, PROTO is
 * TCP for it, too.
 */
export function connectionVariables(ends: ConnectionEnds, rule: TcpRule): Environment {
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
