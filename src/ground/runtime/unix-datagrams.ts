import { bunFunctions } from './foreign.ts'
import * as linux from './linux.ts'
import { unixAddress } from './socket-address.ts'

/**
 * Sends datagrams to a socket in the file system, one a call, without waiting: what is not
 * taken at once is lost. On Bun alone; no runtime knows sockets of this kind by itself.
 */
export function openUnixDatagrams(path: string): (datagram: Buffer) => void {
  const { socket, sendto, close } = bunFunctions('socket', 'sendto', 'close')
  const address = unixAddress(path)!
  return (datagram) => {
    const fd = socket(linux.AF_UNIX, linux.SOCK_DGRAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC, 0)
    if (fd < 0) return
    const flags = linux.MSG_DONTWAIT | linux.MSG_NOSIGNAL
    sendto(fd, datagram, datagram.length, flags, address, address.length)
    close(fd)
  }
}
