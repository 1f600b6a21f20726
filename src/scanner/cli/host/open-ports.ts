import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { attempt } from '../../../base/errors/fault.ts'
import type { Endpoint } from '../../../base/net/endpoint.ts'
import {
  addressText,
  type IpAddress,
  isLoopback,
  isUnspecified,
  parseIpAddress,
  withoutMapping,
} from '../../../base/net/ip-address.ts'
import { hostToReach } from '../../../base/net/server-address.ts'
import { PathHandle } from '../../../base/path/path-handle.ts'
import { ProcEntry } from '../../../base/process/proc-entry.ts'
import { loadSystem, type Peer } from '../../../base/runtime/system.ts'
import { shellWord } from '../../../base/text/shell-word.ts'
import { askSystemd } from './systemd-unit.ts'

interface OpenPort {
  /** An address by which this host itself reaches it. */
  readonly host: string
  readonly port: number
  /** Whether it listens on each address of the host, also on the loopback address. */
  readonly isEverywhere: boolean
}

/** The addresses of this host, at one of which a server may listen alone. */
export const LOOPBACK_ADDRESSES = ['127.0.0.1', '::1'] as const

/** Milliseconds for the greeting. postscreen(8) waits for 6 seconds, smtp-delay(8) as configured. */
const GREETING_TIMEOUT = 8_000
/** Upper limit for the ports that are tested for a greeting. */
const PORTS_MAX = 100

/**
 * Returns the TCP ports that other hosts reach, from /proc/net/tcp and tcp6 (proc_net(5)), which have a line
 * for each socket. A server that listens only on a loopback address is skipped: filters return mail there,
 * which has been accepted already.
 */
export function listenersOfHost(tables: readonly string[] = tablesOfHost()): OpenPort[] {
  const found = new Map<number, OpenPort>()
  for (const { address, port } of listeningIn(tables)) {
    const place = placeOf(address)
    if (place !== undefined && !found.has(port)) found.set(port, { ...place, port })
  }
  return [...found.values()].sort((one, other) => one.port - other.port)
}

/**
 * Returns whether a process listens at a TCP port of the loopback address, by the same tables. Nothing is
 * sent.
 */
export function isListening(port: number, tables: readonly string[] = tablesOfHost()): boolean {
  return listeningIn(tables).some(
    (socket) =>
      socket.port === port && (isLoopback(socket.address) || isUnspecified(socket.address)),
  )
}

/** Returns whether a process listens at a TCP port of any address of this host. Nothing is sent. */
export function isServed(port: number): boolean {
  return listeningIn(tablesOfHost()).some((socket) => socket.port === port)
}

/**
 * Returns the process that listens at the path of a socket, `nobody` if connect(2) is refused, or undefined if neither
 * is known. The process receives no bytes.
 *
 * The addon connects: if the process closes the connection at once, Bun reports an error and no connection.
 *
 * /proc/net/unix is not used. Any user may give a socket a name that contains a line end and a forged row, or
 * bind one at that path in a mount namespace.
 */
export function listenerAt(path: string): Peer | 'nobody' | undefined {
  const found = attempt(() => PathHandle.find(path))
  if (found === undefined) return undefined
  try {
    const listener = loadSystem()?.listenerAt(found.at())
    return listener === 'unknown' ? undefined : listener
  } finally {
    found.close()
  }
}

/**
 * Returns a process that listens at a TCP port, if none of those that hold the same socket is one that `isOwn` accepts. Root
 * sees all of them; for another user there may be none.
 */
export function strangerAtPort(
  { host, port }: Endpoint,
  isOwn: (owner: Peer) => boolean,
  tables: readonly string[] = tablesOfHost(),
): Peer | undefined {
  const wanted = parseIpAddress(hostToReach(host))
  const isThere = (address: IpAddress) =>
    isUnspecified(address) || (wanted !== undefined && Buffer.compare(address, wanted) === 0)
  for (const socket of listeningIn(tables)) {
    if (socket.port !== port || !isThere(socket.address)) continue
    const owners = ownersOf(socket.inode)
    if (!owners.some(isOwn) && owners[0] !== undefined) return owners[0]
  }
  return undefined
}

/** The control group of a service: cgroups(7). */
const SERVICE = /^0::\/system\.slice\/(?:.+\/)?([^/\n]+\.service)$/m

/** Returns the command that stops a process: by the unit of systemd that started it, which no boot is to start again. */
export function howToStop({ pid }: Pick<Peer, 'pid'>): string {
  const group = attempt(() => readFileSync(new ProcEntry(pid).at('cgroup'), 'latin1')) ?? ''
  const [, unit] = SERVICE.exec(group) ?? []
  if (unit === undefined) return `kill ${pid}`
  const isOfBoot = askSystemd(unit)?.enabled === 'enabled'
  return `systemctl ${isOfBoot ? 'disable --now' : 'stop'} ${shellWord(unit)}`
}

/** Returns the processes that hold a socket: a server passes it to its workers. */
function ownersOf(inode: string): Peer[] {
  return ProcEntry.all().flatMap((found) => {
    const place = found.at('fd')
    const holds = attempt(() =>
      readdirSync(place).some(
        (fd) => attempt(() => readlinkSync(join(place, fd))) === `socket:[${inode}]`,
      ),
    )
    return holds ? [{ pid: Number(found.pid), uid: found.status()?.uid ?? Number.NaN }] : []
  })
}

const tablesOfHost = (): string[] =>
  ['/proc/net/tcp', '/proc/net/tcp6'].map(
    (path) => attempt(() => readFileSync(path, 'latin1')) ?? '',
  )

/** A row of a socket that listens: sl, local_address, rem_address, st, queues, timer, retrnsmt, uid, timeout, inode. */
const LISTENING = /^ *\d+: ([0-9A-F]{8,32}):([0-9A-F]{4}) \S+ 0A \S+ \S+ \S+ +\d+ +\d+ (\d+)/gm

function listeningIn(tables: readonly string[]) {
  return tables.flatMap((table) =>
    [...table.matchAll(LISTENING)].map(([, address = '', digits = '', inode = '']) => ({
      address: addressOf(address),
      port: Number.parseInt(digits, 16),
      inode,
    })),
  )
}

/** The kernel prints words of four bytes in the byte order of this machine, which is little-endian. */
function addressOf(hex: string): IpAddress {
  return withoutMapping(Buffer.from(hex, 'hex').swap32())
}

/** Returns how other hosts reach the address of a socket, or undefined if they do not. */
function placeOf(address: IpAddress): Omit<OpenPort, 'port'> | undefined {
  if (isLoopback(address)) return undefined
  return { host: hostToReach(addressText(address)), isEverywhere: isUnspecified(address) }
}

/** Resolves to those that greet as SMTP servers do, RFC 5321 4.2. Nothing is sent. */
export async function greeting(listeners: readonly OpenPort[]): Promise<OpenPort[]> {
  const greet = await Promise.all(listeners.slice(0, PORTS_MAX).map(greetedBy))
  return listeners.filter((_, index) => greet[index] !== undefined)
}

/** Upper limit for the characters of the first line, RFC 5321 4.5.3.1.5. */
const GREETING_MAX = 512

/**
 * Resolves to the name by which an SMTP server greets, which is that of its host, or to undefined if none greets. Nothing is
 * sent.
 */
export function greetedBy({ host, port }: Endpoint): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port })
    let received = ''
    const end = () => {
      socket.destroy()
      resolve(/^220[ -](\S*)/.exec(received)?.[1])
    }
    socket.setTimeout(GREETING_TIMEOUT, end)
    socket.on('error', end)
    socket.on('close', end)
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1')
      if (received.includes('\n') || received.length > GREETING_MAX) end()
    })
  })
}
