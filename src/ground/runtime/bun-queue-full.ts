import { bunFunctions } from './foreign.ts'
import * as linux from './linux.ts'
import { unixAddress } from './socket-address.ts'

/**
 * Whether a unix socket that could not be connected to has a full queue of connections: Bun
 * says ECONNREFUSED for that as for a socket that nobody listens on. Connects once more by
 * itself; a connection that comes about is ended, and shows that there is room again.
 */
export function isQueueFull(path: string): boolean {
  const libc = bunFunctions('socket', 'connect', 'close')
  const address = unixAddress(path)
  if (address === undefined) return false
  const fd = libc.socket(
    linux.AF_UNIX,
    linux.SOCK_STREAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC,
    0,
  )
  if (fd < 0) return false
  const connected = libc.connect(fd, address, address.length) === 0
  const full = connected || libc.errno() === linux.EAGAIN
  libc.close(fd)
  return full
}
