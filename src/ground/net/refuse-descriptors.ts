import { loadFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'

/**
 * Has the kernel refuse the descriptors that clients of a unix socket send along (SO_PASSRIGHTS,
 * Linux 6.16): their sendmsg(2) fails with EPERM. Connections have it from the socket that they were
 * made to, so it is called before that listens. Returns whether it worked.
 *
 * Without it nobody here takes a descriptor either; but whoever reads the bytes beside it, or closes
 * the connection, closes the file, and may wait for a file system that its owner runs (FUSE).
 */
export async function refuseDescriptors(socket: number): Promise<boolean> {
  const c = await loadFunctions('setsockopt')
  const off = Buffer.alloc(4)
  return c?.setsockopt(socket, linux.SOL_SOCKET, linux.SO_PASSRIGHTS, off, off.length) === 0
}
