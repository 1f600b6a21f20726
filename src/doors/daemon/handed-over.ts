import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Server } from 'node:net'
import { Fault } from '../../fault.ts'
import { listeningInodes } from './tcp-sockets.ts'

/** The first descriptor that whoever started this process made for it to listen on: sd_listen_fds(3). */
export const FIRST_HANDED_OVER = 3

/** What is spoken on a listening socket: doc/slot-protocol.md, the milter protocol, or Postfix's policy delegation. */
export type DoorKind = 'slot' | 'milter' | 'policy'

/** By a word that somebody else wrote: what has neither of the other names in it is the slot. */
export function doorKindOf(name: string): DoorKind {
  return (['milter', 'policy'] as const).find((kind) => name.includes(kind)) ?? 'slot'
}

/**
 * What the sockets that systemd hands over are for, in the order of their descriptors. One
 * whose name (FileDescriptorName=, else the name of its unit) has `milter` or `policy` in
 * it is for that, another one the slot's, of which there is one: a Fault of kind `config`
 * for more.
 */
export function activatedSockets(env: NodeJS.ProcessEnv): DoorKind[] {
  const { LISTEN_PID, LISTEN_FDS = '', LISTEN_FDNAMES = '' } = env
  if (LISTEN_PID !== String(process.pid) || !/^[0-9]{1,3}$/.test(LISTEN_FDS)) return []
  const names = LISTEN_FDNAMES.split(':')
  const kinds = Array.from({ length: Number(LISTEN_FDS) }, (_, index) =>
    doorKindOf(names[index] ?? ''),
  )
  if (kinds.indexOf('slot') === kinds.lastIndexOf('slot')) return kinds
  const remedy = 'give others FileDescriptorName=milter or policy'
  throw new Fault(
    'config',
    `LISTEN_FDNAMES ${LISTEN_FDNAMES}: onescand has one slot socket; ${remedy}`,
  )
}

/** Where the socket of this descriptor listens; undefined for another than one of the unix family. */
export function pathOf(fd: number): string | undefined {
  return namedSockets().get(readlinkSync(`/proc/self/fd/${fd}`))
}

/** Whether everybody on this host may connect to the socket of this descriptor; as far as is known, yes. */
export function isOpenToAll(fd: number): boolean {
  try {
    const path = pathOf(fd)
    return path === undefined || (lstatSync(path).mode & 0o002) !== 0
  } catch {
    return true
  }
}

/** The descriptor that a server of this process listens on, which the runtimes do not tell. */
export function descriptorOf(server: Server): number {
  const address = server.address()!
  const sockets =
    typeof address === 'string' ? inodesOf(namedSockets(), address) : listeningInodes(address)
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (sockets.has(readlinkSync(`/proc/self/fd/${fd}`))) return Number(fd)
    } catch {
      // The one that the listing itself had open.
    }
  }
  const where = typeof address === 'string' ? address : `${address.address}:${address.port}`
  throw new Fault('bug', `no descriptor listens on ${where}`)
}

function inodesOf(sockets: ReadonlyMap<string, string>, path: string): Set<string> {
  return new Set([...sockets].filter(([, name]) => name === path).map(([link]) => link))
}

/** Unix sockets that listen, as links of /proc/self/fd lead to them, with their paths (proc(5)). */
function namedSockets(): Map<string, string> {
  const rows = readFileSync('/proc/net/unix', 'latin1').split('\n')
  const found = new Map<string, string>()
  for (const row of rows) {
    const [, flags, inode, path] = LISTENING.exec(row) ?? []
    if (path !== undefined && Number.parseInt(flags!, 16) & ACCEPTS) {
      found.set(`socket:[${inode}]`, path)
    }
  }
  return found
}

/** Num RefCount Protocol Flags Type St Inode Path */
const LISTENING = /^\S+ \S+ \S+ ([0-9A-F]+) \S+ \S+ +([0-9]+) (\/.*)$/
/** The kernel's __SO_ACCEPTCON. */
const ACCEPTS = 1 << 16
