import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import type { FilterPlace } from '../../../doors/milter/wire/ask.ts'
import { withPlace } from '../../../ground/runtime/path/walk.ts'
import { serviceAccounts } from '../../shared/running-daemons.ts'
import { type Accounts, userName } from './account.ts'
import { error, type Finding, warning } from './finding.ts'

/** Who should listen there. */
export interface Listens {
  readonly service: 'onescand' | 'onescan-quotad'
  /** The unit by which systemd holds its port. */
  readonly unit: string
  /** What another one in its place could do. */
  readonly harm: string
  /** By UDP, and not as a stream. */
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
  'show what he likes, and be told the token',
)
export const quotadListens = listens('onescan-quotad', 'onescan-quotad', ABOUT_QUOTAS)

/**
 * Whose the socket is that claims to be a service's: root's (systemd holds it), or the account's
 * of the service. Nothing is said of a port of another host.
 */
export function checkListener(
  what: string,
  place: FilterPlace,
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

/** The users who listen there, by what the kernel says; none: nobody, or it cannot be told. */
export function listenersAt(place: FilterPlace, udp = false): number[] {
  return 'path' in place ? ownerOfPath(place.path) : ownersOfPort(place, udp)
}

function ownerOfPath(path: string): number[] {
  try {
    return withPlace(path, ({ stats }) => (stats.isSocket() ? [stats.uid] : []))
  } catch {
    return [] // told by who could not connect
  }
}

/** Number, local address and port, remote ones, state, two pairs, retransmits, user: proc(5). */
const ROW = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ \S+ +(\d+) /gm
/** TCP_LISTEN; and TCP_CLOSE, which is what a datagram socket is that anybody may send to. */
const LISTENS = { tcp: '0A', udp: '07' }

/** Of those that listen on this port of this host; a socket keeps the user that made it. */
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

/** As the kernel writes it on little-endian machines, which are all that onescan runs on. */
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
