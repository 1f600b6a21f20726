import type { Server, Socket } from 'node:net'
import type { Connection } from './connect.ts'

/**
 * Returns the descriptor of a connection or of a listening server. Node and Bun keep it in a member
 * that they do not document; the result is undefined if that member is missing or no number. (The
 * other way, a search for the inode in /proc/net/tcp, takes 6 ms on a host with a thousand
 * connections.)
 */
export function descriptorOf(socket: Socket | Server | Connection): number | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: unknown } }
  return typeof handle?.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined
}
