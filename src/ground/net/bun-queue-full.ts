import { bunFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'
import { unixAddress } from '../runtime/socket-address.ts'

/**
 * Whether a unix socket refused a connection only because its queue is full. Bun gives the error
 * ECONNREFUSED for a full queue, and also if nobody listens. So this connects once more and looks
 * at errno itself. If the connection succeeds, the queue was full and has room again; the
 * connection is closed.
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
