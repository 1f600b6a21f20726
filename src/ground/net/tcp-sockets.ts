import { closeSync } from 'node:fs'
import { getSystemErrorName } from 'node:util'
import { type CFunctions, loadFunctions } from '../runtime/c-functions.ts'
import * as linux from '../runtime/linux.ts'
import {
  ADDRESS_BYTES,
  inetAddress,
  readEndpoint,
  type TcpAddress,
  type TcpEndpoint,
} from '../runtime/socket-address.ts'

/**
 * TCP connections as bare descriptors, which no stream of the runtime reads: what a client has sent
 * stays in the kernel until another program takes it.
 *
 * Why bare descriptors and signals (measured with 10,000 silent connections): a socket of node:net
 * reads at once; if it is paused, it never reports that a client talks or leaves. An epoll(7) of
 * our own does, but neither runtime waits for a foreign descriptor: it would have to be polled, or
 * need a second thread. SIGIO (F_SETOWN, O_ASYNC of fcntl(2)) wakes the runtime's own loop, on Node
 * and on Bun. Accepting and watching 10,000 connections took 73 ms of processor time on Bun, and
 * waiting for them none. A connection costs less than 1 KB.
 */
export interface TcpSockets {
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
  /** IP_OPTIONS: drops them, so that answers take no route that the client chose. */
  dropIpOptions(fd: number): void
  /** TCP_NODELAY. */
  sendAtOnce(fd: number): void
  /**
   * From now on the process gets the signal when the descriptor has something to report, and
   * events() returns that under `id`.
   */
  watch(fd: number, id: number, what: 'talking' | 'leaving'): boolean
  watchAnew(fd: number, id: number, what: 'talking' | 'leaving'): void
  /** Ends the watch for good; another program has the descriptor from now on. */
  unwatch(fd: number): void
  /** Ends the watch for now. The signal stays on, also for others that have the descriptor. */
  rest(fd: number): void
  /** Returns what has happened to watched descriptors, some hundred events at most. */
  events(): readonly SocketEvent[]
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

export interface AcceptedConnection extends TcpEndpoint {
  readonly fd: number
}

/**
 * Why there is no connection: no client waits, a client has left, or descriptors or memory ran out.
 */
export type AcceptTrouble = 'none' | 'gone' | 'exhausted'

export interface SocketEvent {
  readonly id: number
  /** The client has ended its half, or the connection broke. */
  readonly isEnd: boolean
}

/** The signal that a process gets if a watched descriptor has something to report. */
export const WAKING_SIGNAL = 'SIGIO'

const EVENTS_AT_ONCE = 256
/**
 * Bytes of Linux's struct tcp_info. tcpi_bytes_received is there since 4.1, tcpi_data_segs_in since
 * 4.6.
 */
const TCP_INFO_BYTES = 160
const BYTES_RECEIVED_AT = 128
const DATA_SEGMENTS_IN_AT = 152

const FUNCTIONS = [
  ...(['socket', 'bind', 'listen', 'accept4', 'getsockname', 'setsockopt', 'getsockopt'] as const),
  ...(['fcntl', 'epoll_create1', 'epoll_ctl', 'epoll_wait', 'poll'] as const),
  ...(['recv', 'send', 'shutdown'] as const),
] as const

/** Loads the calls; undefined if this runtime cannot call C (Node without koffi). */
export async function openTcpSockets(): Promise<TcpSockets | undefined> {
  const c = await loadFunctions(...FUNCTIONS)
  return c && fromFunctions(c)
}

/**
 * All calls share these buffers: no call is asynchronous, and each buffer is read before its call
 * returns.
 */
function fromFunctions(c: CFunctions<(typeof FUNCTIONS)[number]>): TcpSockets {
  const epoll = c.epoll_create1(linux.EPOLL_CLOEXEC)
  if (epoll < 0) throw new Error(`epoll_create1: ${errorName(c.errno())}`)
  const event = Buffer.alloc(linux.EVENT_BYTES)
  const events = Buffer.alloc(linux.EVENT_BYTES * EVENTS_AT_ONCE)
  const address = Buffer.alloc(ADDRESS_BYTES)
  const length = Buffer.alloc(4)
  const value = Buffer.alloc(4)
  const byte = Buffer.alloc(1)
  const tcpInfo = Buffer.alloc(TCP_INFO_BYTES)
  const pollfd = Buffer.alloc(8)

  function setOption(fd: number, level: number, name: number, number: number): void {
    value.writeInt32LE(number)
    c.setsockopt(fd, level, name, value, value.length)
  }

  function option(fd: number, name: number): number | undefined {
    length.writeUInt32LE(value.length)
    const failed = c.getsockopt(fd, linux.SOL_SOCKET, name, value, length) !== 0
    return failed ? undefined : value.readInt32LE(0)
  }

  function setEvent(id: number, what: 'talking' | 'leaving'): void {
    event.writeUInt32LE(what === 'talking' ? linux.EPOLLIN | linux.EPOLLRDHUP : linux.EPOLLRDHUP, 0)
    event.writeUInt32LE(id % 2 ** 32, linux.EVENT_DATA_AT)
    event.writeUInt32LE(Math.floor(id / 2 ** 32), linux.EVENT_DATA_AT + 4)
  }

  /** Turns the signal of a descriptor on or off, and leaves its other flags as they are. */
  function signal(fd: number, isOn: boolean): void {
    const flags = c.fcntl(fd, linux.F_GETFL, 0)
    c.fcntl(fd, linux.F_SETFL, isOn ? flags | linux.O_ASYNC : flags & ~linux.O_ASYNC)
  }

  function bound(place: TcpAddress): number {
    const bytes = inetAddress(place)
    const family = bytes.readUInt16LE(0)
    const fd = c.socket(family, linux.SOCK_STREAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC, 0)
    if (fd < 0) return -c.errno()
    // A port that was just in use can be bound again at once.
    setOption(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, 1)
    if (family === linux.AF_INET6) {
      setOption(fd, linux.IPPROTO_IPV6, linux.IPV6_V6ONLY, place.address === undefined ? 0 : 1)
    }
    return c.bind(fd, bytes, bytes.length) === 0 ? fd : failed(fd)
  }

  /** Closes the descriptor, and returns the negative errno of the last call. */
  function failed(fd: number): number {
    const why = c.errno()
    closeSync(fd)
    return -why
  }

  return {
    listen({ address, port }, backlog) {
      let fd = bound({ address, port })
      if (address === undefined && (fd === -linux.EAFNOSUPPORT || fd === -linux.EADDRNOTAVAIL)) {
        fd = bound({ address: new Uint8Array(4), port })
      }
      if (fd >= 0 && c.listen(fd, backlog) !== 0) fd = failed(fd)
      if (fd < 0) throw new Error(errorName(-fd))
      return fd
    },
    adoptListener(fd) {
      const family = endpointAt(address, length, (a, l) => c.getsockname(fd, a, l) === 0)
      if (family === undefined || option(fd, linux.SO_ACCEPTCONN) !== 1) return false
      c.fcntl(fd, linux.F_SETFL, c.fcntl(fd, linux.F_GETFL, 0) | linux.O_NONBLOCK)
      c.fcntl(fd, linux.F_SETFD, linux.FD_CLOEXEC)
      return true
    },
    accept(listener) {
      length.writeUInt32LE(ADDRESS_BYTES)
      const fd = c.accept4(listener, address, length, linux.SOCK_CLOEXEC)
      if (fd >= 0) {
        const end = readEndpoint(address)
        if (end !== undefined) return { fd, ...end }
        closeSync(fd)
        return 'gone'
      }
      const why = c.errno()
      if (why === linux.EAGAIN) return 'none'
      return [linux.EMFILE, linux.ENFILE, linux.ENOBUFS, linux.ENOMEM].includes(why)
        ? 'exhausted'
        : 'gone'
    },
    localEndpoint: (fd) => endpointAt(address, length, (a, l) => c.getsockname(fd, a, l) === 0),
    dropIpOptions(fd) {
      c.setsockopt(fd, linux.IPPROTO_IP, linux.IP_OPTIONS, value, 0)
    },
    sendAtOnce: (fd) => setOption(fd, linux.IPPROTO_TCP, linux.TCP_NODELAY, 1),
    watch(fd, id, what) {
      setEvent(id, what)
      if (c.epoll_ctl(epoll, linux.EPOLL_CTL_ADD, fd, event) !== 0) return false
      // A watcher looks once for what came before the signal was on.
      c.fcntl(fd, linux.F_SETOWN, process.pid)
      signal(fd, true)
      return true
    },
    watchAnew(fd, id, what) {
      setEvent(id, what)
      c.epoll_ctl(epoll, linux.EPOLL_CTL_MOD, fd, event)
    },
    rest(fd) {
      c.epoll_ctl(epoll, linux.EPOLL_CTL_DEL, fd, event)
    },
    unwatch(fd) {
      c.epoll_ctl(epoll, linux.EPOLL_CTL_DEL, fd, event)
      signal(fd, false)
    },
    events() {
      const count = c.epoll_wait(epoll, events, EVENTS_AT_ONCE, 0)
      return Array.from({ length: Math.max(0, count) }, (_, index) => {
        const at = index * linux.EVENT_BYTES
        const low = events.readUInt32LE(at + linux.EVENT_DATA_AT)
        const high = events.readUInt32LE(at + linux.EVENT_DATA_AT + 4)
        const what = events.readUInt32LE(at)
        return {
          id: high * 2 ** 32 + low,
          isEnd: (what & (linux.EPOLLRDHUP | linux.EPOLLHUP | linux.EPOLLERR)) !== 0,
        }
      })
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
      if (c.getsockopt(fd, linux.IPPROTO_TCP, linux.TCP_INFO, tcpInfo, length) !== 0)
        return undefined
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

function errorName(errno: number): string {
  return getSystemErrorName(-errno)
}

function endpointAt(
  address: Buffer,
  length: Buffer,
  fill: (address: Buffer, length: Buffer) => boolean,
): TcpEndpoint | undefined {
  length.writeUInt32LE(ADDRESS_BYTES)
  return fill(address, length) ? readEndpoint(address) : undefined
}
