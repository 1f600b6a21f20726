import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, ok, warning } from '../../../../base/check/check-line.ts'
import { isOwnHost } from '../../../../base/net/own-addresses.ts'
import {
  hostToReach,
  isEverywhere,
  isLoopbackHost,
  parseServerAddress,
  type ServerAddress,
} from '../../../../base/net/server-address.ts'
import { editToAllow } from '../../../../base/systemd/address-filter.ts'
import { type DaemonOptions, understoodOptions } from '../../../options/daemon-options.ts'
import {
  type DoorKind,
  doorName,
  type NamedDoor,
  namedDoor,
} from '../../../options/door-address.ts'
import { inSettingsOf } from '../../../readiness/host/checked-host.ts'
import type { RunningDaemon } from '../../host/running-daemon.ts'
import { allowedAddresses, askSystemd, type SystemdUnit } from '../../host/systemd-unit.ts'
import { CLAMD_SOCKET, PACKAGE_SOCKETS } from '../services/lost-sockets.ts'

/** The doors at which onescand accepts mail. */
export interface OnescandEndpoints {
  readonly milters: readonly NamedDoor[]
  /** The doors of --smtp and --lmtp. The server of --next is in their route. */
  readonly smtp: readonly NamedDoor[]
  readonly clamd: readonly NamedDoor[]
  readonly isRunning: boolean
}

/** Returns the addresses that programs of other hosts may reach. */
export const networkAddresses = ({ milters, smtp, clamd }: OnescandEndpoints): readonly string[] =>
  [...milters, ...smtp, ...clamd].flatMap(({ at, address }) =>
    at.kind === 'tcp' && !isLoopbackHost(at.host) ? [address] : [],
  )

/** Returns whether only clients of clamd use onescand, on a host without a mail server that check knows. */
export const servesClientsAlone = ({ milters, smtp, clamd }: OnescandEndpoints): boolean =>
  clamd.length > 0 && smtp.length === 0 && milters.every(({ at }) => at.kind === 'unix')

/** Lists who may connect to an onescand that serves other hosts, if its unit denies all other addresses. */
export function checkAllowed(endpoints: OnescandEndpoints): CheckLine[] {
  const served = networkAddresses(endpoints)
  const unit = served.length === 0 ? undefined : askSystemd('onescand.service')
  if (unit === undefined) return []
  const allowed = allowedAddresses('onescand.service') ?? ['any address']
  const open = [...endpoints.milters, ...endpoints.clamd].filter(
    ({ kind, at }) => kind !== 'clamd-tls' && at.kind === 'tcp' && isEverywhere(at.host),
  )
  const others = editToAllow('onescand', 'ADDRESS')
  const value = `at ${served.join(', ')} these may connect: ${allowed.join(' ') || 'nobody'} (IPAddressAllow in its unit; for others: ${others})`
  return [ok('onescand', value), ...open.map((door) => openDoor(door, allowed))]
}

/** Returns the warning about a door for all addresses of this host, at which no client has to show who it is. */
function openDoor(door: NamedDoor, allowed: readonly string[]): CheckLine {
  const value = `is open to all hosts of ${allowed.join(' ') || 'no network'}: each may have mail scanned, and kept in a quarantine`
  const address = door.address.replace(/:.*(?=:)/, ':ADDRESS')
  const change = `set ${door.option} ${address}, with the address at which your mail servers reach this host,`
  return warning(doorName(door), value, inSettingsOf({ isDaemon: true }, change))
}

/** The doors of onescan-clamd.socket, once it is enabled. */
const OF_CLAMD_UNIT = [
  namedDoor('clamd', { kind: 'unix', path: CLAMD_SOCKET }),
  namedDoor('clamd', { kind: 'tcp', host: '127.0.0.1', port: 3311 }),
]

/**
 * Returns the doors of onescand by the options in root's file, by its own if it reports them, and by the
 * package's units. Remedies for root name their addresses: of the reported ones, only those on this host are
 * used.
 */
export function onescandEndpoints(
  options: DaemonOptions,
  running: RunningDaemon | undefined,
  ask: (name: string) => Pick<SystemdUnit, 'active' | 'listens'> | undefined = askSystemd,
): OnescandEndpoints {
  const inFile = new Set(options.doors.map(doorName))
  const { description } = running ?? {}
  const doors = description
    ? understoodOptions(description.args).doors.filter(
        (door) => inFile.has(doorName(door)) || isHere(door.at),
      )
    : options.doors
  const ofClamdUnit = existsSync(CLAMD_SOCKET) ? OF_CLAMD_UNIT : []
  // The administrator may have given it a port.
  const milter = ask('onescan-milter.socket')
  const ofMilterUnit = (milter?.active === 'active' ? milter.listens : []).flatMap((text) => {
    const at = parseServerAddress(text)
    return at === undefined ? [] : [namedDoor('milter', at)]
  })
  const ofUnits = Object.entries(PACKAGE_SOCKETS).flatMap(([path, { kind }]) =>
    kind === 'milter' && existsSync(path) ? [namedDoor(kind, { kind: 'unix', path })] : [],
  )
  const named = [...doors, ...ofUnits, ...ofMilterUnit, ...ofClamdUnit]
  const all = new Map(named.map((door) => [doorName(door), door]))
  const of = (...kinds: readonly DoorKind[]) =>
    [...all.values()].filter(({ kind }) => kinds.includes(kind))
  return {
    milters: of('milter'),
    smtp: of('smtp', 'lmtp'),
    clamd: of('clamd', 'clamd-tls'),
    isRunning: running !== undefined,
  }
}

/** Returns whether a server of this host can listen at an address. */
function isHere(at: ServerAddress): boolean {
  if (at.kind === 'unix') return /^\/[^\s,{}]*$/.test(at.path)
  return isEverywhere(at.host) || isOwnHost(at.host)
}

/**
 * Returns the address among those of `doors` that `named` refers to, in the form of Postfix or Sendmail. Its path
 * may be relative to the queue directory of Postfix.
 */
export function matchAddress(
  named: string,
  doors: readonly NamedDoor[],
  queue: string | undefined,
): string | undefined {
  const wanted = parseServerAddress(named, LOOPBACK)
  return doors.find(({ at }) => {
    if (wanted?.kind === 'unix')
      return (
        at.kind === 'unix' &&
        (at.path === wanted.path || (queue && join(queue, wanted.path) === join(at.path)))
      )
    if (at.kind !== 'tcp' || at.port !== wanted?.port) return false
    return isEverywhere(at.host) || hostToReach(at.host) === hostToReach(wanted.host)
  })?.address
}

/** Returns the seconds for which a server should wait for onescand over SMTP: more than a scan and the next server need. */
export const proxyTimeout = (scanSeconds: number): number => Math.max(900, 2 * scanSeconds)

/** The host of an address that has only a port. */
const LOOPBACK = '127.0.0.1'
