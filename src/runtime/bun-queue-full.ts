import { bunFunctions } from './foreign.ts'

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const EAGAIN = 11
/** struct sockaddr_un: the family, and a path that ends in a NUL. */
const FAMILY_BYTES = 2
const ADDRESS_BYTES = 110

/**
 * Whether a unix socket that could not be connected to has a full queue of connections: Bun
 * says ECONNREFUSED for that as for a socket that nobody listens on. Connects once more by
 * itself; a connection that comes about is ended, and shows that there is room again.
 */
export function isQueueFull(path: string): boolean {
  const libc = bunFunctions('socket', 'connect', 'close')
  const address = Buffer.alloc(ADDRESS_BYTES)
  address.writeUInt16LE(AF_UNIX)
  address.write(path, FAMILY_BYTES)
  const fd = libc.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
  if (fd < 0) return false
  const connected = libc.connect(fd, address, ADDRESS_BYTES) === 0
  const full = connected || libc.errno() === EAGAIN
  libc.close(fd)
  return full
}
