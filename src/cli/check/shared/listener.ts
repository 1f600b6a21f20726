import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import type { ServiceAddress } from '../../../doors/milter/wire/ask.ts'
import { withPath } from '../../../ground/path/walk.ts'
import { serviceAccounts } from '../../shared/running-daemons.ts'
import { type Accounts, userName } from './account.ts'
import { error, type Finding, warning } from './finding.ts'

/** A service that should listen at a place. */
export interface Listens {
  readonly service: 'onescand' | 'onescan-quotad'
  /** The unit by which systemd listens for it. */
  readonly unit: string
  /** What another program in its place could do. */
  readonly harm: string
  /** Whether it takes datagrams (UDP) and no streams. */
  readonly udp?: boolean
}

const listens = (service: Listens['service'], unit: string, harm: string): Listens => {
  return { service, unit: `${unit}.socket`, harm }
}
const ABOUT_QUOTAS = 'say which mailboxes are full'

export const milterListens = listens(
  'onescand',
  'onescan-milter',
  'get all mail, and call viruses clean',
)
export const policyListens = listens('onescand', 'onescan-policy', ABOUT_QUOTAS)
export const pageListens = listens(
  'onescand',
  'onescan-http',
  'show a page of his own, and learn the token',
)
export const quotadListens = listens('onescan-quotad', 'onescan-quotad', ABOUT_QUOTAS)

/**
 * Checks whose socket answers at a service's place: it must be root's (systemd listens) or that of
 * the service's account. Says nothing about a port of another host.
 */
export function checkListener(
  what: string,
  place: ServiceAddress,
  accounts: Accounts,
  { service, unit, harm, udp = false }: Listens,
): Finding[] {
  const owners = listenersAt(place, udp)
  const known = serviceAccounts(service)
  const stranger = owners.find((uid) => !known.has(uid))
  if (stranger !== undefined) {
    const value = `is held by ${userName(accounts, stranger)}, who is neither root nor the account of ${service}`
    return [error(what, value, 'see who listens there (ss -lnp), and end it')]
  }
  if ('path' in place || owners.every((uid) => uid === 0)) return []
  const value = `port ${place.port}: any user may take it while ${service} is started anew, and ${harm}`
  const socket = udp ? '' : 'use a unix socket, or '
  return [warning(what, value, `${socket}let systemd hold the port (${unit})`)]
}

/**
 * The users who listen there, as the kernel reports them. None if nobody does, or if it cannot be
 * known.
 */
export function listenersAt(place: ServiceAddress, udp = false): number[] {
  return 'path' in place ? ownerOfPath(place.path) : ownersOfPort(place, udp)
}

function ownerOfPath(path: string): number[] {
  try {
    return withPath(path, ({ stats }) => (stats.isSocket() ? [stats.uid] : []))
  } catch {
    return [] // the check that could not connect reports it
  }
}

/**
 * Number, local address and port, remote address and port, state, two pairs, retransmits, user:
 * proc(5).
 */
const ROW = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ \S+ +(\d+) /gm
/**
 * The state of a listening stream socket (TCP_LISTEN); and of a datagram socket that anybody may
 * send to (TCP_CLOSE).
 */
const LISTENS = { tcp: '0A', udp: '07' }

/** The owners of sockets at this port of this host. A socket belongs to the user that made it. */
function ownersOfPort(
  { host, port }: { readonly host: string; readonly port: number },
  udp: boolean,
): number[] {
  const wanted = isIPv4(host) ? hexOf(host) : undefined
  const isMeant = (address: string) =>
    address.length > 8 || wanted === undefined || address === wanted || /^0+$/.test(address)
  const table = udp ? 'udp' : 'tcp'
  return [table, `${table}6`].flatMap((name) =>
    [...rowsOf(name).matchAll(ROW)].flatMap(([, address, at, state, uid]) =>
      Number.parseInt(at!, 16) === port && isMeant(address!) && state === LISTENS[table]
        ? [Number(uid)]
        : [],
    ),
  )
}

/** As the kernel prints it on little-endian machines; onescan runs on no others. */
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
