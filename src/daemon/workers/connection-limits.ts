/**
 * Returns how many connections a worker accepts at each of its listening sockets, and how many clients it serves
 * there: `--max-clients`, or fewer. Further clients wait in the queue of the socket; without the addon their
 * connections are closed.
 *
 * Half of the descriptors are for connections, the same number for each socket. The other half is for files
 * of messages, scanners and all other files of a worker. A client may need two: the SMTP interface connects
 * to the next server for it.
 */
export function connectionLimits(
  descriptors: number,
  listeningSockets: number,
  maxClients: number,
): { readonly connections: number; readonly clients: number } {
  const connections = Math.max(2, Math.floor(descriptors / 2 / listeningSockets))
  return { connections, clients: Math.min(maxClients, Math.floor(connections / 2)) }
}
