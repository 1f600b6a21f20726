import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import type { FilterPlace } from '../../../doors/milter/wire/ask.ts'
import { withPlace } from '../../../runtime/path/walk.ts'
import { serviceAccounts } from '../../shared/running-daemons.ts'
import { type Accounts, userName } from '../shared/account.ts'
import { error, type Finding, warning } from '../shared/finding.ts'

/**
 * Whose the socket is that claims to be onescand's: root's (systemd holds it), or the account's
 * of the service. Whoever else listens there gets all mail, and may call it clean.
 */
export function checkListener(what: string, place: FilterPlace, accounts: Accounts): Finding[] {
  const owners = 'path' in place ? ownerOfPath(place.path) : ownersOfPort(place.host, place.port)
  const known = serviceAccounts()
  const stranger = owners.find((uid) => !known.has(uid))
  if (stranger !== undefined) {
    const value = `is held by ${userName(accounts, stranger)}, who is neither root nor the account of onescand`
    return [error(what, value, 'see who listens there (ss -lp), and end it')]
  }
  if ('path' in place || owners.every((uid) => uid === 0)) return []
  const value = `port ${place.port}: any user may take it while onescand is started anew, and call viruses clean`
  const remedy = 'use a unix socket, or let systemd hold the port (onescan-milter.socket)'
  return [warning(what, value, remedy)]
}

function ownerOfPath(path: string): number[] {
  try {
    return withPlace(path, ({ stats }) => (stats.isSocket() ? [stats.uid] : []))
  } catch {
    return [] // told by who could not connect
  }
}

/** Number, local address and port, remote ones, state, two pairs, retransmits, user: proc(5). */
const ROW = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ 0A \S+ \S+ \S+ +(\d+) /gm

/** Of those that listen on this port of this host; a socket keeps the user that made it. */
function ownersOfPort(host: string, port: number): number[] {
  const wanted = isIPv4(host) ? hexOf(host) : undefined
  const isMeant = (address: string) =>
    address.length > 8 || wanted === undefined || address === wanted || /^0+$/.test(address)
  return ['tcp', 'tcp6'].flatMap((name) =>
    [...rowsOf(name).matchAll(ROW)].flatMap(([, address, at, uid]) =>
      Number.parseInt(at!, 16) === port && isMeant(address!) ? [Number(uid)] : [],
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
