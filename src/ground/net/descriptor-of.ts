import type { Server, Socket } from 'node:net'
import type { Connection } from './connect.ts'

/**
 * The descriptor of a connection or of a listening server. Node and Bun keep it in a member that
 * they do not document; undefined if the member is missing or is no number. (The other way, to look
 * for the inode in /proc/net/tcp, takes 6 ms on a host with a thousand connections.)
 */
export function descriptorOf(socket: Socket | Server | Connection): number | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: unknown } }
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}
