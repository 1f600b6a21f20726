/** How many connections the sockets of a worker take, so that descriptors are left for its work. */
export interface Room {
  /** Connections of each socket; any more are closed unheard. */
  readonly sockets: number
  /** Clients of each socket that are served: --max-clients, or fewer. */
  readonly clients: number
}

/**
 * Half of the descriptors are for connections, the same number for each socket. The other half is for
 * files of messages, scanners and what else a worker opens. A client may need two: the SMTP door
 * connects to the next server for it.
 */
export function roomOf(descriptors: number, sockets: number, maxClients: number): Room {
  const share = Math.max(2, Math.floor(descriptors / 2 / sockets))
  return { sockets: share, clients: Math.min(maxClients, Math.floor(share / 2)) }
}
