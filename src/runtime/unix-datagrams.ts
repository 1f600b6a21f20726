import { libcFile } from './bun-libc.ts'

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
  const { dlopen } = process.getBuiltinModule('bun:ffi' as never) as typeof import('bun:ffi')
  const { symbols } = dlopen(libcFile(), {
    socket: { args: ['int', 'int', 'int'], returns: 'int' },
    sendto: { args: ['int', 'ptr', 'u64', 'int', 'ptr', 'int'], returns: 'i64' },
    close: { args: ['int'], returns: 'int' },
  })
  const { socket, sendto, close } = symbols
  /** struct sockaddr_un: the family, the path, a NUL. */
  const address = Buffer.from(`\0\0${path}\0`)
  address.writeUInt16LE(AF_UNIX)
  return (datagram) => {
    const fd = Number(socket!(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0))
    if (fd < 0) return
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL
    sendto!(fd, datagram, datagram.length, flags, address, address.length)
    close!(fd)
  }
}
