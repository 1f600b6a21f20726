import { readFileSync, statSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { error, type Finding, warning } from '../../../ground/errors/finding.ts'
import { type Accounts, nameOrNumber } from '../../../readiness/account.ts'
import { serviceAccounts } from '../../shared/running-daemon.ts'
import type { ServiceAddress } from './service-address.ts'

/** A service that should listen at an address. */
export interface ListeningService {
  readonly service: 'onescand' | 'onescan-quotad'
  /** The unit by which systemd listens for it. */
  readonly unit: string
  /** What another program could do that listens in its stead. */
  readonly harm: string
  /** Whether the service takes datagrams (UDP), and no streams. */
  readonly udp?: boolean
}

const listening = (
  service: ListeningService['service'],
  unit: string,
  harm: string,
): ListeningService => {
  return { service, unit: `${unit}.socket`, harm }
}
const ABOUT_QUOTAS = 'say which mailboxes are full'

export const milterService = listening(
  'onescand',
  'onescan-milter',
  'get all mail, and call viruses clean',
)
export const policyService = listening('onescand', 'onescan-policy', ABOUT_QUOTAS)
export const pageService = listening(
  'onescand',
  'onescan-http',
  'show a page of his own, and learn the token',
)
export const quotadService = listening('onescan-quotad', 'onescan-quotad', ABOUT_QUOTAS)

/**
 * Checks who listens at a service's address: it must be root (systemd listens for the service) or the
 * service's account. There is no finding about a port of another host.
 */
export function checkListener(
  what: string,
  address: ServiceAddress,
  accounts: Accounts,
  { service, unit, harm, udp = false }: ListeningService,
): Finding[] {
  const owners = listenersAt(address, udp)
  const known = serviceAccounts(service)
  const stranger = owners.find((uid) => !known.has(uid))
  if (stranger !== undefined) {
    const value = `is held by ${nameOrNumber(accounts, stranger)}, who is neither root nor the account of ${service}`
    return [error(what, value, 'see who listens there (ss -lnp), and end it')]
  }
  if ('path' in address || owners.every((uid) => uid === 0)) return []
  const value = `port ${address.port}: any user may take it while ${service} is started anew, and ${harm}`
  const socket = udp ? '' : 'use a unix socket, or '
  return [warning(what, value, `${socket}let systemd hold the port (${unit})`)]
}

/**
 * The users who listen at an address, as the kernel reports them. Nobody if nobody listens, or if
 * this cannot be found out.
 */
export function listenersAt(address: ServiceAddress, udp = false): number[] {
  return 'path' in address ? ownerOfPath(address.path) : ownersOfPort(address, udp)
}

function ownerOfPath(path: string): number[] {
  try {
    const stats = statSync(path)
    return stats.isSocket() ? [stats.uid] : []
  } catch {
    return [] // the check that could not connect reports it
  }
}

/**
 * A row of /proc/net/tcp: number, local address and port, remote address and port, state, two pairs
 * of numbers, retransmits, user; proc(5).
 */
const ROW = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ \S+ +(\d+) /gm
/**
 * The state of a stream socket that listens (TCP_LISTEN), and of a datagram socket that anybody may
 * send to (TCP_CLOSE).
 */
const LISTENS = { tcp: '0A', udp: '07' }

/** The owners of sockets at this port of this host. A socket belongs to the user that made it. */
function ownersOfPort(
  { host, port }: { readonly host: string; readonly port: number },
  udp: boolean,
): number[] {
  const wanted = isIPv4(host) ? hexOf(host) : undefined
  const isWanted = (address: string) =>
    address.length > 8 || wanted === undefined || address === wanted || /^0+$/.test(address)
  const table = udp ? 'udp' : 'tcp'
  return [table, `${table}6`].flatMap((name) =>
    [...rowsOf(name).matchAll(ROW)].flatMap(([, address, at, state, uid]) =>
      Number.parseInt(at!, 16) === port && isWanted(address!) && state === LISTENS[table]
        ? [Number(uid)]
        : [],
    ),
  )
}

/** An IPv4 address as the kernel prints it on little-endian machines; onescan runs on no others. */
function hexOf(host: string): string {
  const bytes = host.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))
  return bytes.reverse().join('').toUpperCase()
}

function rowsOf(name: string): string {
  try {
    return readFileSync(`/proc/net/${name}`, 'latin1')
  } catch {
    return ''
  }
}
