import { addressText } from '../../ground/net/ip-address.ts'
import type { TcpRule } from '../../ground/net/tcp-rules.ts'
import type { TcpEndpoint } from '../../ground/runtime/system.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { IGNORED } from '../shared/server-program.ts'

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
export function baseEnvironment(env: Environment): Environment {
  const leftOut = new Set([...OWN, ...PER_CONNECTION])
  return Object.fromEntries(Object.entries(env).filter(([name]) => !leftOut.has(name)))
}

/** The two ends of a connection, with their host names if these are known. */
export interface ConnectionEnds {
  readonly local: TcpEndpoint
  readonly localHost: string | undefined
  readonly remote: TcpEndpoint
  readonly remoteHost: string | undefined
}

/**
 * The variables of a connection: those of tcp-environ(5), and then those of the client's rule, which
 * may override them. tcp-environ(5) does not mention IPv6; PROTO is TCP for it, too, as with other
 * servers.
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
