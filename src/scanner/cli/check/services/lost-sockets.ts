import { attempt } from '../../../../base/errors/fault.ts'
import { writeEndpoint } from '../../../../base/net/endpoint.ts'
import { parseServerAddress, type ServerAddress } from '../../../../base/net/server-address.ts'
import { pathExists } from '../../../../base/path/path-handle.ts'
import { passwdEntryOf } from '../../../../base/process/passwd.ts'
import { ProcEntry } from '../../../../base/process/proc-entry.ts'
import type { Peer } from '../../../../base/runtime/system.ts'
import { SLOT_SOCKET } from '../../../../base/settings/table.ts'
import { type DoorKind, doorName, pageName } from '../../../options/door-address.ts'
import { listenerAt, strangerAtPort } from '../../host/open-ports.ts'
import { ACCOUNT, type RunningDaemon } from '../../host/running-daemon.ts'
import { optionsOfOnescand } from '../../host/settings-file.ts'
import { askMainProcess, askSystemd, type SystemdUnit } from '../../host/systemd-unit.ts'
import { failedStart, howToStart, newSocket } from './service-state.ts'
import { lineThatSets, withoutOptions } from './unit-lines.ts'

interface PackageSocket {
  readonly kind: DoorKind
  readonly unit: string
}

export const CLAMD_SOCKET = '/run/onescan/clamd.sock'

/** The paths at which systemd listens for the package: the interface of onescand, and the unit. */
export const PACKAGE_SOCKETS: Readonly<Record<string, PackageSocket>> = {
  [SLOT_SOCKET]: { kind: 'qmail', unit: 'onescand.socket' },
  [CLAMD_SOCKET]: { kind: 'clamd', unit: 'onescan-clamd.socket' },
  '/run/onescan/milter.sock': { kind: 'milter', unit: 'onescan-milter.socket' },
  '/var/spool/postfix/onescan/milter.sock': { kind: 'milter', unit: 'onescan-postfix.socket' },
  '/var/spool/postfix/onescan/policy.sock': { kind: 'policy', unit: 'onescan-policy.socket' },
}

/** The units that listen, or may, at ports. */
const UNITS_WITH_PORTS = ['onescan-clamd.socket', 'onescan-milter.socket', 'onescan-http.socket']

/** A socket at which clients do not reach onescand. */
export interface LostSocket {
  /** As onescand names it, `clamd unix:/run/onescan/clamd.sock`, or its unit. */
  readonly what: string
  readonly reason: string
  readonly remedy: string
  /** Whether clients expect onescand there. If not, the configuration of a mail server may still name it. */
  readonly isExpected: boolean
}

/**
 * Returns the sockets at which another process or none listens instead of onescand: those of PACKAGE_SOCKETS by
 * their paths, and all others by `what`. `running` is the onescand that answers. Only root sees whose a port is.
 */
export function lostSockets(running: RunningDaemon | undefined): ReadonlyMap<string, LostSocket> {
  const lost = new Map<string, LostSocket>()
  // systemd listens at files that are gone: one restart is for all of them.
  const replaced = new Map<string, LostSocket>()
  const unitsToRestart: string[] = []
  const isOwn = ownProcesses(running)
  const isServing = askSystemd('onescand.service')?.active === 'active'
  for (const [path, { kind, unit }] of Object.entries(PACKAGE_SOCKETS)) {
    const state = askSystemd(unit)
    const isThere = attempt(() => pathExists(path))
    if (state === undefined || isThere === undefined) continue
    // A masked unit shows no address.
    if (state.load === 'loaded' && !state.listens.includes(`unix:${path}`)) {
      const moved = movedSocket(path, { kind, unit }, state)
      if (moved !== undefined && (!isThere || listenerAt(path) === 'nobody')) lost.set(path, moved)
      continue
    }
    // A connection to a socket of systemd would start onescand.
    if (isThere && state.active === 'active' && !isServing) continue
    const owner = isThere ? listenerAt(path) : 'none'
    if (owner === undefined || (typeof owner === 'object' && isOwn(owner))) continue
    const failed = failedStart(unit)
    const listen = listenRemedy(unit, state)
    const socket = {
      what: `${kind} unix:${path}`,
      reason: `${reasonOf(owner, path)}${failed === undefined ? '' : `, as ${unit} does not listen: ${failed}`}`,
      remedy: failed === undefined ? listen : `fix this error, then ${listen}`,
      isExpected: state.active === 'active' || typeof owner === 'object',
    }
    lost.set(path, socket)
    if (state.active !== 'active') continue
    replaced.set(path, socket)
    unitsToRestart.push(unit)
  }
  for (const [path, socket] of replaced)
    lost.set(path, { ...socket, remedy: newSocket(...unitsToRestart) })
  for (const what of UNITS_WITH_PORTS) {
    const state = askSystemd(what)
    if (state?.active !== 'failed') continue
    const ports = state.listens.flatMap((text) => parseServerAddress(text) ?? [])
    let taken: TakenAddress | undefined
    for (const at of ports) if (at.kind === 'tcp') taken ??= takenBy(at, isOwn)
    const reason = taken?.reason ?? `does not listen: ${failedStart(what)}`
    const first = taken === undefined ? 'fix this error' : `${taken.free}, or change its address`
    const remedy = `${first}, then run systemctl restart onescand`
    lost.set(what, { what, reason, remedy, isExpected: true })
  }
  // Without its report, onescand may be any process.
  const isKnown = running === undefined || running.description !== undefined
  for (const { what, option, at } of isKnown ? openedByItself() : []) {
    // Systemd may listen at a path: it would start onescand.
    const mayAsk = running !== undefined || at.kind !== 'unix'
    const taken = mayAsk ? takenBy(at, isOwn) : undefined
    if (taken === undefined) continue
    const remedy = `${taken.free}, or set another address with ${option}, then run ${howToStart('onescand', 'restart')}`
    lost.set(what, { what, reason: taken.reason, remedy, isExpected: true })
  }
  return lost
}

/** The option of a unit with the address of a socket. */
const LISTENS = 'ListenStream'

/** Returns the socket of the package to which the administrator gave another address: clients may still use the first one. */
function movedSocket(
  path: string,
  { kind, unit }: PackageSocket,
  { listens }: SystemdUnit,
): LostSocket | undefined {
  const line = lineThatSets(unit, LISTENS)
  if (line === undefined) return undefined
  return {
    what: `${kind} ${listens[0]}`,
    reason: `nothing listens at ${path}, since ${line.text} has another address`,
    remedy: withoutOptions(line, newSocket(unit), LISTENS),
    isExpected: false,
  }
}

/** Returns the addresses at which onescand itself listens, except at that of the slot, with their names and options. */
function openedByItself() {
  const { doors, http } = optionsOfOnescand()
  const named = doors.filter(({ kind }) => kind !== 'qmail')
  const places = named.map((door) => ({ what: doorName(door), option: door.option, at: door.at }))
  return http === undefined
    ? places
    : [...places, { what: pageName(http), option: '--http', at: http }]
}

/** An address at which another process listens. */
interface TakenAddress {
  readonly reason: string
  /** How it is free again. */
  readonly free: string
}

const STOP = 'stop that process'

/** Returns what is known about the other process that listens at an address, if one does. */
function takenBy(at: ServerAddress, isOwn: (owner: Peer) => boolean): TakenAddress | undefined {
  if (at.kind === 'tcp') {
    const owner = strangerAtPort(at, isOwn)
    if (owner === undefined) return undefined
    const free = nameOf(owner) === 'master' ? withoutService(at.port) : STOP
    return { reason: reasonOf(owner, writeEndpoint(at)), free }
  }
  const owner = listenerAt(at.path)
  if (typeof owner !== 'object' || isOwn(owner)) return undefined
  return { reason: reasonOf(owner, at.path), free: STOP }
}

/** Returns the command that removes the service with this port from Postfix, whose master(8) listens for all services. */
const withoutService = (port: number) =>
  `postconf -M# "$(postconf -M | awk '$2 == "inet" && $1 ~ /(^|:)${port}$/ { print $1 }')/inet" && postfix reload`

const nameOf = ({ pid }: Peer) => new ProcEntry(pid).status()?.name ?? 'unknown'

function reasonOf(owner: Peer | 'nobody' | 'none', place: string): string {
  if (owner === 'none') return `${place} does not exist`
  if (owner === 'nobody') return `nothing listens at ${place}`
  return `process ${owner.pid} (${nameOf(owner)}) listens at ${place} instead of onescand`
}

/** Returns whether a process is systemd, the first one of onescand or its worker, or has onescand's account. */
function ownProcesses(running: RunningDaemon | undefined): (owner: Peer) => boolean {
  const { description } = running ?? {}
  const users = [passwdEntryOf(ACCOUNT)?.uid, description?.uid]
  const first = [askMainProcess('onescand.service'), String(description?.pid)]
  const firsts = first.filter((pid) => pid !== undefined && Number(pid) > 0)
  return ({ pid, uid }) =>
    pid === 1 ||
    users.includes(uid) ||
    firsts.some((own) => own === `${pid}` || own === new ProcEntry(pid).status()?.parent)
}

/** Returns the command that makes systemd listen for clients again. */
export function listenRemedy(unit: string, { load, enabled, active }: SystemdUnit): string {
  // It listens at a socket file that was removed: only a restart creates another one.
  if (active === 'active') return newSocket(unit)
  const verbs = [
    ...(load === 'masked' ? ['unmask'] : []),
    ...(enabled === 'enabled' ? [] : ['enable']),
  ]
  const commands = verbs.map((verb) => `systemctl ${verb} ${unit}`)
  return [...commands, 'systemctl restart onescand'].join(' && ')
}
