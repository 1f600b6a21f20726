/**
 * Returns the number of connections that each socket of a worker accepts, and the number of clients that are
 * served: `--max-clients`, or fewer. Further connections are closed without a reply.
 *
 * Half of the descriptors are for connections, the same number for each socket. The other half is for files
 * of messages, scanners and all other files of a worker. A client may need two: the SMTP interface connects
 * to the next server for it.
 */
export function connectionLimits(
  descriptors: number,
  sockets: number,
  maxClients: number,
): { readonly sockets: number; readonly clients: number } {
  const share = Math.max(2, Math.floor(descriptors / 2 / sockets))
  return { sockets: share, clients: Math.min(maxClients, Math.floor(share / 2)) }
}
