import { bunFunctions } from './foreign.ts'

const AF_UNIX = 1
const SOCK_DGRAM = 2
const SOCK_NONBLOCK = 0o4000
const SOCK_CLOEXEC = 0o2000000
const MSG_DONTWAIT = 0x40
const MSG_NOSIGNAL = 0x4000

/**
 * Sends datagrams to a socket in the file system, one a call, without waiting: what is not
 * taken at once is lost. On Bun alone; no runtime knows sockets of this kind by itself.
 */
export function openUnixDatagrams(path: string): (datagram: Buffer) => void {
  const { socket, sendto, close } = bunFunctions('socket', 'sendto', 'close')
  /** struct sockaddr_un: the family, the path, a NUL. */
  const address = Buffer.from(`\0\0${path}\0`)
  address.writeUInt16LE(AF_UNIX)
  return (datagram) => {
    const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
    if (fd < 0) return
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL
    sendto(fd, datagram, datagram.length, flags, address, address.length)
    close(fd)
  }
}
