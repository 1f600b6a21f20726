import type { DialledEndpoint } from '../../../base/protocol/connection/dial.ts'
import { RespError, type RespValue } from './resp-reader.ts'
import type { RespCommand } from './valkey-connection.ts'

/** The parts into which a cluster divides its keys (https://redis.io/docs/reference/cluster-spec). */
const SLOTS = 16_384
/** Upper limit for the primaries of a cluster: each process has a connection to each of them. */
const PRIMARIES_MAX = 32

/** The request for the table: its reply is one text, whose size RespReader limits. */
export const TABLE_QUESTION: RespCommand = ['CLUSTER', 'NODES']

/** The primaries of a cluster, by the names of addressName(). */
export interface ClusterTable {
  readonly primaries: ReadonlyMap<string, DialledEndpoint>
  /** The name of each slot's primary, or undefined for a slot that no server has. */
  readonly slots: readonly (string | undefined)[]
  /** The names of the primaries that have slots. */
  readonly owners: ReadonlySet<string>
}

/** Returns the name of a server in a table and in the errors MOVED and ASK. */
export function addressName({ host, port }: DialledEndpoint): string {
  return `${host}:${port}`
}

/** Returns the slot of a key without braces, by CRC-16/XMODEM. */
export function slotOf(key: string): number {
  let crc = 0
  for (const byte of Buffer.from(key)) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff
  }
  return crc % SLOTS
}

/**
 * Parses the reply to CLUSTER NODES of the server `from`, which has a line for each server:
 *
 *     ID HOST:PORT@BUS,HOSTNAME FLAGS PRIMARY PING PONG EPOCH LINK SLOT FIRST-LAST [MIGRATING]...
 *
 * With TLS, a server is connected to by its HOSTNAME if it announces one, since certificates contain that. Throws
 * for text that no cluster sends, for a slot of two servers, and for more than PRIMARIES_MAX primaries.
 */
export function readClusterTable(text: string, from: DialledEndpoint): ClusterTable {
  const primaries = new Map<string, DialledEndpoint>()
  const slots: (string | undefined)[] = Array(SLOTS).fill(undefined)
  const owners = new Set<string>()
  for (const line of text.split('\n').filter(Boolean)) {
    const [, address = '', flags = '', , , , , , ...ranges] = line.trimEnd().split(' ')
    const kinds = flags.split(',')
    const isGone = kinds.some((flag) => flag === 'noaddr' || flag === 'handshake')
    const owned = ranges.filter((range) => !range.startsWith('['))
    if (!kinds.includes('master') || isGone) continue
    if (kinds.includes('fail') && owned.length === 0) continue // another server has replaced it
    const server = readAddress(address, from)
    const name = addressName(server)
    primaries.set(name, server)
    if (primaries.size > PRIMARIES_MAX) {
      throw new Error(`is a cluster of more than ${PRIMARIES_MAX} primaries`)
    }
    for (const range of owned) assign(slots, range, name)
    if (owned.length > 0) owners.add(name)
  }
  if (primaries.size === 0) throw invalid()
  return { primaries, slots, owners }
}

function readAddress(text: string, from: DialledEndpoint): DialledEndpoint {
  const [, address = '', port = '', hostname = ''] =
    /^([\w.:-]*):([0-9]{1,5})(?:@[0-9]+)?(?:,([\w.-]*))?(?:,[!-~]*)?$/.exec(text) ?? []
  if (Number(port) < 1 || Number(port) > 65_535) throw invalid()
  const named = from.isSecure && hostname !== '' ? hostname : address
  // A server learns its own address from the first other server that connects to it.
  return { ...from, host: named || from.host, port: Number(port) }
}

/** Returns, in one line, how many slots no server has, or undefined if none. */
export function missingSlots({ slots }: ClusterTable): string | undefined {
  const missing = slots.filter((name) => name === undefined).length
  return missing === 0 ? undefined : `no server of the cluster has ${missing} of its ${SLOTS} slots`
}

/** Its work is linear, since no slot is assigned twice. */
function assign(slots: (string | undefined)[], range: string, name: string): void {
  const [, begin = '', end = begin] = /^([0-9]{1,5})(?:-([0-9]{1,5}))?$/.exec(range) ?? []
  const [first, last] = [Number(begin), Number(end)]
  if (begin === '' || first > last || last >= SLOTS) throw invalid()
  for (let slot = first; slot <= last; slot++) {
    if (slots[slot] !== undefined) throw invalid()
    slots[slot] = name
  }
}

/** A server's reply that another one has a key: permanently, or while its slot is being moved. */
interface Redirection {
  readonly kind: 'MOVED' | 'ASK'
  /** The name of the other server, as in the table. */
  readonly name: string
}

/** Returns the redirection among the replies of the server with this name: `MOVED SLOT HOST:PORT`, or ASK. */
export function redirectionIn(
  replies: readonly RespValue[],
  from: string,
): Redirection | undefined {
  for (const reply of replies) {
    const text = reply instanceof RespError ? reply.message : ''
    const [, kind, host, port] = /^(MOVED|ASK) [0-9]+ ([\w.:-]*):([0-9]{1,5})$/.exec(text) ?? []
    if (kind !== 'MOVED' && kind !== 'ASK') continue
    const ownHost = from.slice(0, from.lastIndexOf(':'))
    return { kind, name: `${host || ownHost}:${port}` }
  }
  return undefined
}

function invalid(): Error {
  return new Error('sends an invalid table of the cluster')
}
