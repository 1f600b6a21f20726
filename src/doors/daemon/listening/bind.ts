import { closeSync, readFileSync, readlinkSync, unlinkSync } from 'node:fs'
import net from 'node:net'
import { getSystemErrorName } from 'node:util'
import { parseIpAddress } from '../../../ground/net/ip-address.ts'
import { requireSystem } from '../../../ground/runtime/system.ts'
import type { DoorAddress } from '../options/door-address.ts'

/** A socket that this process keeps open for its workers. It takes no connections itself. */
export interface BoundSocket {
  readonly fd: number
  /** Closes the socket in this process, and removes its path. May be called again. */
  close(): void
}

/** The function by which Node's own cluster module binds the sockets of its workers. */
type CreateServerHandle = (
  address: string,
  port: number,
  family: 4 | 6 | -1,
) => number | { readonly fd: number; close(): void; getsockname?(into: object): number }

/**
 * Binds a stream socket without listening on it: the worker that gets its descriptor does that
 * (listen(2)). Neither runtime has a public function for this, since their servers accept
 * connections as soon as they listen. Rejects with an Error that has the errno's name as its
 * message and code.
 */
export async function bindSocket(address: DoorAddress): Promise<BoundSocket> {
  const { _createServerHandle: create } = net as { _createServerHandle?: CreateServerHandle }
  const bound = create ? bindByNode(create, address) : bindBySystem(address)
  let isOpen = true
  return {
    fd: bound.fd,
    close() {
      if (!isOpen) return
      isOpen = false
      bound.close()
      if (address.kind === 'unix') removePath(address.path)
    },
  }
}

function bindByNode(
  create: CreateServerHandle,
  address: DoorAddress,
): Pick<BoundSocket, 'fd' | 'close'> {
  const handle =
    address.kind === 'unix'
      ? create(address.path, -1, -1)
      : create(address.host, address.port, address.host.includes(':') ? 6 : 4)
  if (typeof handle === 'number') throw systemError(handle)
  // uv_tcp_bind() reports only later that a port is taken.
  const errno = handle.getsockname?.({}) ?? 0
  if (errno === 0) return handle
  handle.close()
  throw systemError(errno)
}

function bindBySystem(address: DoorAddress): Pick<BoundSocket, 'fd' | 'close'> {
  const system = requireSystem('no socket can be bound')
  const fd =
    address.kind === 'unix'
      ? system.bindUnix(address.path)
      : system.bindTcp(parseIpAddress(address.host)!, address.port)
  if (fd < 0) throw systemError(fd)
  return { fd, close: () => closeSync(fd) }
}

function systemError(number: number): Error {
  const code = getSystemErrorName(number)
  return Object.assign(new Error(code), { code })
}

function removePath(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Another process has removed it.
  }
}

/** Returns the path that a unix socket is bound to; undefined for any other socket. */
export function pathOf(fd: number): string | undefined {
  return namedSockets().get(readlinkSync(`/proc/self/fd/${fd}`))
}

/**
 * Lists the unix sockets that have a path, by their names in the links of /proc/self/fd (proc(5)).
 */
function namedSockets(): Map<string, string> {
  const rows = readFileSync('/proc/net/unix', 'latin1').split('\n')
  const found = new Map<string, string>()
  for (const row of rows) {
    const [, inode, path] = NAMED.exec(row) ?? []
    if (path !== undefined) found.set(`socket:[${inode}]`, path)
  }
  return found
}

/** Num RefCount Protocol Flags Type St Inode Path */
const NAMED = /^\S+ \S+ \S+ [0-9A-F]+ \S+ \S+ +([0-9]+) (\/.*)$/
