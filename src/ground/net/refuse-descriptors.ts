import type { Server } from 'node:net'
import { loadSystem } from '../runtime/system.ts'
import { descriptorOf } from './descriptor-of.ts'

/**
 * Has the kernel refuse the descriptors that clients of a unix socket send along (SO_PASSRIGHTS,
 * Linux 6.16): their sendmsg(2) fails with EPERM. Connections have it from the socket at their
 * connect(2), so it is called before that listens; and each connection is told again when it is
 * accepted, since systemd may have listened before.
 *
 * Without it nobody here takes a descriptor either; but whoever reads the bytes beside it, or closes
 * the connection, closes the file, and may wait for a file system that its owner runs (FUSE).
 */
export function refuseDescriptors(server: Server, socket: number): void {
  const system = loadSystem()
  if (system?.refuseDescriptors(socket))
    server.prependListener('connection', (client) => {
      system.refuseDescriptors(descriptorOf(client) ?? -1)
    })
}
