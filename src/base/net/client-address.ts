import type { Server, Socket } from 'node:net'

/** Where a client comes from: its IP address in the form of node:net, or undefined at a unix socket, which has none. */
export type ClientAddress = string | undefined

/** The place of a client that has reset its connection before it was accepted: the system no longer knows its address. */
export const GONE = Symbol('gone')

/**
 * Returns where the client of a connection comes from. A socket alone does not show that: one over TCP has no address
 * either after a reset, but still delivers what the client has sent before.
 */
export function clientAddressOf(
  { remoteAddress }: Socket,
  isAtUnixSocket: boolean,
): ClientAddress | typeof GONE {
  return isAtUnixSocket ? undefined : (remoteAddress ?? GONE)
}

/** Returns whether a listening server has a unix socket. Of an inherited one, no runtime knows the path. */
export function isUnixSocket(server: Server): boolean {
  const address = server.address()
  return typeof address === 'string' || address?.port === undefined
}
