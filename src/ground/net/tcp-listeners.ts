import { closeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import type { CFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'
import {
  ADDRESS_BYTES,
  inetAddress,
  readEndpoint,
  type TcpAddress,
  type TcpEndpoint,
} from '../runtime/socket-address.ts'

/** Listening TCP sockets as bare descriptors. */
export interface TcpListeners {
  /**
   * Makes a listening socket that does not block. Without an address it listens on all addresses of
   * both families, or of IPv4 alone if the host has no IPv6. Throws an error that says what is
   * wrong.
   */
  listen(place: TcpAddress, backlog: number): number
  /**
   * Returns whether the descriptor is a listening TCP socket. If it is, accepting from it does not
   * block from now on.
   */
  adoptListener(fd: number): boolean
  /**
   * Returns the next connection, or why there is none. The connection is closed on exec, and blocks
   * for the program that gets it.
   */
  accept(listener: number): AcceptedConnection | AcceptTrouble
  /** getsockname(2). */
  localEndpoint(fd: number): TcpEndpoint | undefined
}

export interface AcceptedConnection extends TcpEndpoint {
  readonly fd: number
}

/**
 * Why there is no connection: no client waits, a client has left, or descriptors or memory ran out.
 */
export type AcceptTrouble = 'none' | 'gone' | 'exhausted'

export const LISTENER_FUNCTIONS = [
  ...(['accept4', 'bind', 'fcntl', 'getsockname', 'getsockopt'] as const),
  ...(['listen', 'setsockopt', 'socket'] as const),
] as const

/**
 * All calls share these buffers: no call is asynchronous, and each buffer is read before its call
 * returns.
 */
export function tcpListeners(c: CFunctions<(typeof LISTENER_FUNCTIONS)[number]>): TcpListeners {
  const address = Buffer.alloc(ADDRESS_BYTES)
  const length = Buffer.alloc(4)
  const value = Buffer.alloc(4)

  function setOption(fd: number, level: number, name: number, number: number): void {
    value.writeInt32LE(number)
    c.setsockopt(fd, level, name, value, value.length)
  }

  function isListening(fd: number): boolean {
    length.writeUInt32LE(value.length)
    const failed = c.getsockopt(fd, linux.SOL_SOCKET, linux.SO_ACCEPTCONN, value, length) !== 0
    return !failed && value.readInt32LE(0) === 1
  }

  function localEndpoint(fd: number): TcpEndpoint | undefined {
    length.writeUInt32LE(ADDRESS_BYTES)
    return c.getsockname(fd, address, length) === 0 ? readEndpoint(address) : undefined
  }

  /** Makes a bound socket. Returns its descriptor, or the negative errno. */
  function bind(place: TcpAddress): number {
    const bytes = inetAddress(place)
    const family = bytes.readUInt16LE(0)
    const fd = c.socket(family, linux.SOCK_STREAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC, 0)
    if (fd < 0) return -c.errno()
    // A port that was just in use can be bound again at once.
    setOption(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, 1)
    if (family === linux.AF_INET6) {
      setOption(fd, linux.IPPROTO_IPV6, linux.IPV6_V6ONLY, place.address === undefined ? 0 : 1)
    }
    return c.bind(fd, bytes, bytes.length) === 0 ? fd : closeFailed(fd)
  }

  /** Closes the descriptor, and returns the negative errno of the last call. */
  function closeFailed(fd: number): number {
    const why = c.errno()
    closeSync(fd)
    return -why
  }

  return {
    listen({ address, port }, backlog) {
      let fd = bind({ address, port })
      if (address === undefined && (fd === -linux.EAFNOSUPPORT || fd === -linux.EADDRNOTAVAIL)) {
        fd = bind({ address: new Uint8Array(4), port })
      }
      if (fd >= 0 && c.listen(fd, backlog) !== 0) fd = closeFailed(fd)
      if (fd < 0) throw new Error(getSystemErrorName(fd))
      return fd
    },
    adoptListener(fd) {
      if (localEndpoint(fd) === undefined || !isListening(fd)) return false
      c.fcntl(fd, linux.F_SETFL, c.fcntl(fd, linux.F_GETFL, 0) | linux.O_NONBLOCK)
      c.fcntl(fd, linux.F_SETFD, linux.FD_CLOEXEC)
      return true
    },
    accept(listener) {
      length.writeUInt32LE(ADDRESS_BYTES)
      const fd = c.accept4(listener, address, length, linux.SOCK_CLOEXEC)
      if (fd >= 0) {
        const client = readEndpoint(address)
        if (client !== undefined) return { fd, ...client }
        closeSync(fd)
        return 'gone'
      }
      const why = c.errno()
      if (why === linux.EAGAIN) return 'none'
      return [linux.EMFILE, linux.ENFILE, linux.ENOBUFS, linux.ENOMEM].includes(why)
        ? 'exhausted'
        : 'gone'
    },
    localEndpoint,
  }
}
