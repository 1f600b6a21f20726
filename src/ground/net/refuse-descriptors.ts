import type { Server } from 'node:net'
import { loadFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'
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
export async function refuseDescriptors(server: Server, socket: number): Promise<void> {
  const c = await loadFunctions('setsockopt')
  const off = Buffer.alloc(4)
  const refuse = (fd: number) =>
    c?.setsockopt(fd, linux.SOL_SOCKET, linux.SO_PASSRIGHTS, off, off.length) === 0
  if (refuse(socket))
    server.prependListener('connection', (client) => refuse(descriptorOf(client) ?? -1))
}
