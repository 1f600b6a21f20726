import { bunFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'
import { unixAddress } from '../runtime/socket-address.ts'

/**
 * Returns a function that sends a datagram to the unix socket at a path, without waiting: a
 * datagram that the kernel does not take at once is lost. It works on Bun alone; no runtime offers
 * such sockets.
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
