import type { CFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'

/** What goes through a TCP connection that is a bare descriptor. */
export interface TcpTraffic {
  /** IP_OPTIONS: drops them, so that answers take no route that the client chose. */
  dropIpOptions(fd: number): void
  /** TCP_NODELAY. */
  sendAtOnce(fd: number): void
  /** Returns what the client has done so far. Leaves the bytes that it sent in the kernel. */
  look(fd: number): 'silent' | 'talks' | 'left'
  /**
   * Returns bytes of the client: none at the end of the stream, undefined if none are there now.
   */
  receive(fd: number, buffer: Buffer): Buffer | undefined
  /** Sends bytes. Returns whether the kernel took all of them at once. */
  send(fd: number, bytes: Buffer): boolean
  /** shutdown(2) of our half: the client gets all bytes that were sent, then the end. */
  endSending(fd: number): void
  /**
   * TCP_INFO: returns how many bytes, and segments with data, came from the client; undefined if
   * the kernel does not count them.
   */
  received(fd: number): { readonly bytes: number; readonly segments: number } | undefined
  /** poll(2): waits at most so many whole milliseconds until a line can be written. */
  canTake(fd: number, within: number): boolean
}

/**
 * Bytes of Linux's struct tcp_info. tcpi_bytes_received is there since 4.1, tcpi_data_segs_in since
 * 4.6.
 */
const TCP_INFO_BYTES = 160
const BYTES_RECEIVED_AT = 128
const DATA_SEGMENTS_IN_AT = 152

export const TRAFFIC_FUNCTIONS = [
  ...(['getsockopt', 'poll', 'recv', 'send', 'setsockopt', 'shutdown'] as const),
] as const

/**
 * All calls share these buffers: no call is asynchronous, and each buffer is read before its call
 * returns.
 */
export function tcpTraffic(c: CFunctions<(typeof TRAFFIC_FUNCTIONS)[number]>): TcpTraffic {
  const length = Buffer.alloc(4)
  const value = Buffer.alloc(4)
  const byte = Buffer.alloc(1)
  const tcpInfo = Buffer.alloc(TCP_INFO_BYTES)
  const pollfd = Buffer.alloc(8)
  return {
    dropIpOptions(fd) {
      c.setsockopt(fd, linux.IPPROTO_IP, linux.IP_OPTIONS, value, 0)
    },
    sendAtOnce(fd) {
      value.writeInt32LE(1)
      c.setsockopt(fd, linux.IPPROTO_TCP, linux.TCP_NODELAY, value, value.length)
    },
    look(fd) {
      const count = Number(c.recv(fd, byte, 1, linux.MSG_PEEK | linux.MSG_DONTWAIT))
      if (count > 0) return 'talks'
      return count < 0 && c.errno() === linux.EAGAIN ? 'silent' : 'left'
    },
    receive(fd, buffer) {
      const count = Number(c.recv(fd, buffer, buffer.length, linux.MSG_DONTWAIT))
      if (count >= 0) return buffer.subarray(0, count)
      return c.errno() === linux.EAGAIN ? undefined : buffer.subarray(0, 0)
    },
    send: (fd, bytes) =>
      Number(c.send(fd, bytes, bytes.length, linux.MSG_DONTWAIT | linux.MSG_NOSIGNAL)) ===
      bytes.length,
    endSending(fd) {
      c.shutdown(fd, linux.SHUT_WR)
    },
    received(fd) {
      length.writeUInt32LE(TCP_INFO_BYTES)
      if (c.getsockopt(fd, linux.IPPROTO_TCP, linux.TCP_INFO, tcpInfo, length) !== 0) {
        return undefined
      }
      if (length.readUInt32LE(0) < DATA_SEGMENTS_IN_AT + 4) return undefined
      return {
        bytes: Number(tcpInfo.readBigUInt64LE(BYTES_RECEIVED_AT)),
        segments: tcpInfo.readUInt32LE(DATA_SEGMENTS_IN_AT),
      }
    },
    canTake(fd, within) {
      pollfd.writeInt32LE(fd, 0)
      pollfd.writeInt16LE(linux.POLLOUT, 4)
      pollfd.writeInt16LE(0, 6)
      return c.poll(pollfd, 1, within) > 0
    },
  }
}
