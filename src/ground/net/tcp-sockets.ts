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
 * Bytes of Linux's struct tcp_info. tcpi_bytes_received is there since 4.1, tcpi_data_segs_in and
 * tcpi_data_segs_out since 4.6.
 */
const TCP_INFO_BYTES = 160
const BYTES_RECEIVED_AT = 128
const DATA_SEGMENTS_IN_AT = 152
const DATA_SEGMENTS_OUT_AT = 156

/** What went over a connection, as the kernel counts it. */
export interface ConnectionCounts {
  /** Bytes that came from the client. */
  readonly bytes: number
  /** Segments with data that came from the client, and that were sent to it. */
  readonly segmentsIn: number
  readonly segmentsOut: number
}

const used = [
  ...(['accept4', 'bind', 'epoll_create1', 'epoll_ctl', 'epoll_wait', 'fcntl'] as const),
  ...(['getsockname', 'getsockopt', 'listen', 'poll', 'recv', 'send', 'setsockopt'] as const),
  ...(['shutdown', 'socket'] as const),
] as const

/** Loads the calls; undefined if this runtime cannot call C (Node without koffi). */
export async function openTcpSockets(): Promise<TcpSockets | undefined> {
  const c = await loadFunctions(...used)
  return c && new TcpSockets(c)
}

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
 *
 * A paused socket of node:net could be looked at each second (3.7 KB a connection on Node, 2.2 KB on
 * Bun, and a hundredth of a processor). But if descriptors are used up, Node closes new connections
 * without a word to anybody, and Bun tries to accept them again and again, with 40 % of a processor.
 * Here they wait in the kernel meanwhile, and the log says so.
 */
export class TcpSockets {
  readonly #c: CFunctions<(typeof used)[number]>
  readonly #epoll: number
  // All calls share these buffers: no call is asynchronous, and each buffer is read before its call
  // returns.
  readonly #address = Buffer.alloc(ADDRESS_BYTES)
  readonly #length = Buffer.alloc(4)
  readonly #value = Buffer.alloc(4)
  readonly #event = Buffer.alloc(linux.EVENT_BYTES)
  readonly #events = Buffer.alloc(linux.EVENT_BYTES * EVENTS_AT_ONCE)
  readonly #byte = Buffer.alloc(1)
  readonly #tcpInfo = Buffer.alloc(TCP_INFO_BYTES)
  readonly #pollfd = Buffer.alloc(8)

  /** Throws if the kernel gives no epoll set. */
  constructor(c: CFunctions<(typeof used)[number]>) {
    this.#c = c
    this.#epoll = c.epoll_create1(linux.EPOLL_CLOEXEC)
    if (this.#epoll < 0) throw new Error(`epoll_create1: ${getSystemErrorName(-c.errno())}`)
  }

  /**
   * Makes a listening socket that does not block. Without an address it listens on all addresses of
   * both families, or of IPv4 alone if the host has no IPv6. Throws an error that says what is
   * wrong.
   */
  listen({ address, port }: TcpAddress, backlog: number): number {
    let fd = this.#bind({ address, port })
    if (address === undefined && (fd === -linux.EAFNOSUPPORT || fd === -linux.EADDRNOTAVAIL)) {
      fd = this.#bind({ address: new Uint8Array(4), port })
    }
    if (fd >= 0 && this.#c.listen(fd, backlog) !== 0) fd = this.#closeFailed(fd)
    if (fd < 0) throw new Error(getSystemErrorName(fd))
    return fd
  }

  /**
   * Returns whether the descriptor is a listening TCP socket. If it is, accepting from it does not
   * block from now on.
   */
  adoptListener(fd: number): boolean {
    if (this.localEndpoint(fd) === undefined || !this.#isListening(fd)) return false
    this.#c.fcntl(fd, linux.F_SETFL, this.#c.fcntl(fd, linux.F_GETFL, 0) | linux.O_NONBLOCK)
    this.#c.fcntl(fd, linux.F_SETFD, linux.FD_CLOEXEC)
    return true
  }

  /**
   * Returns the next connection, or why there is none. The connection is closed on exec, and blocks
   * for the program that gets it.
   */
  accept(listener: number): AcceptedConnection | AcceptTrouble {
    this.#length.writeUInt32LE(ADDRESS_BYTES)
    const fd = this.#c.accept4(listener, this.#address, this.#length, linux.SOCK_CLOEXEC)
    if (fd >= 0) {
      const client = readEndpoint(this.#address)
      if (client !== undefined) return { fd, ...client }
      closeSync(fd)
      return 'gone'
    }
    const why = this.#c.errno()
    if (why === linux.EAGAIN) return 'none'
    return [linux.EMFILE, linux.ENFILE, linux.ENOBUFS, linux.ENOMEM].includes(why)
      ? 'exhausted'
      : 'gone'
  }

  /** getsockname(2). */
  localEndpoint(fd: number): TcpEndpoint | undefined {
    this.#length.writeUInt32LE(ADDRESS_BYTES)
    const failed = this.#c.getsockname(fd, this.#address, this.#length) !== 0
    return failed ? undefined : readEndpoint(this.#address)
  }

  /**
   * From now on the process gets the signal when the descriptor has something to report, and
   * events() returns that under `id`. Returns false if the descriptor cannot be watched.
   */
  watch(fd: number, id: number, what: 'talking' | 'leaving'): boolean {
    this.#setEvent(id, what)
    if (this.#c.epoll_ctl(this.#epoll, linux.EPOLL_CTL_ADD, fd, this.#event) !== 0) return false
    // Events from before the signal was on wake nobody: the caller has to look once.
    this.#c.fcntl(fd, linux.F_SETOWN, process.pid)
    this.#signal(fd, true)
    return true
  }

  /** Changes for what a descriptor is watched. */
  watchAnew(fd: number, id: number, what: 'talking' | 'leaving'): void {
    this.#setEvent(id, what)
    this.#c.epoll_ctl(this.#epoll, linux.EPOLL_CTL_MOD, fd, this.#event)
  }

  /** Ends the watch for now. The signal stays on, also for others that have the descriptor. */
  rest(fd: number): void {
    this.#c.epoll_ctl(this.#epoll, linux.EPOLL_CTL_DEL, fd, this.#event)
  }

  /** Ends the watch for good; another program has the descriptor from now on. */
  unwatch(fd: number): void {
    this.rest(fd)
    this.#signal(fd, false)
  }

  /** Returns what has happened to watched descriptors, some hundred events at most. */
  events(): readonly SocketEvent[] {
    const found = this.#c.epoll_wait(this.#epoll, this.#events, EVENTS_AT_ONCE, 0)
    const count = Math.max(0, found)
    return Array.from({ length: count }, (_, index) => this.#eventAt(index * linux.EVENT_BYTES))
  }

  /** IP_OPTIONS: drops them, so that answers take no route that the client chose. */
  dropIpOptions(fd: number): void {
    this.#c.setsockopt(fd, linux.IPPROTO_IP, linux.IP_OPTIONS, this.#value, 0)
  }

  /** TCP_NODELAY. */
  sendAtOnce(fd: number): void {
    this.#setOption(fd, linux.IPPROTO_TCP, linux.TCP_NODELAY, 1)
  }

  /** Returns what the client has done so far. Leaves the bytes that it sent in the kernel. */
  look(fd: number): 'silent' | 'talks' | 'left' {
    const count = Number(this.#c.recv(fd, this.#byte, 1, linux.MSG_PEEK | linux.MSG_DONTWAIT))
    if (count > 0) return 'talks'
    return count < 0 && this.#c.errno() === linux.EAGAIN ? 'silent' : 'left'
  }

  /**
   * Returns bytes of the client: none at the end of the stream, undefined if none are there now.
   */
  receive(fd: number, buffer: Buffer): Buffer | undefined {
    const count = Number(this.#c.recv(fd, buffer, buffer.length, linux.MSG_DONTWAIT))
    if (count >= 0) return buffer.subarray(0, count)
    return this.#c.errno() === linux.EAGAIN ? undefined : buffer.subarray(0, 0)
  }

  /** Sends bytes. Returns whether the kernel took all of them at once. */
  send(fd: number, bytes: Buffer): boolean {
    const flags = linux.MSG_DONTWAIT | linux.MSG_NOSIGNAL
    return Number(this.#c.send(fd, bytes, bytes.length, flags)) === bytes.length
  }

  /** shutdown(2) of our half: the client gets all bytes that were sent, then the end. */
  endSending(fd: number): void {
    this.#c.shutdown(fd, linux.SHUT_WR)
  }

  /**
   * shutdown(2) of the client's half, for all who have the descriptor: who reads gets what has come
   * so far, and then the end. What is written still gets to the client.
   */
  endReceiving(fd: number): void {
    this.#c.shutdown(fd, linux.SHUT_RD)
  }

  /** TCP_INFO: undefined if the kernel does not count. */
  counts(fd: number): ConnectionCounts | undefined {
    const info = this.#tcpInfo
    this.#length.writeUInt32LE(TCP_INFO_BYTES)
    const failed = this.#c.getsockopt(fd, linux.IPPROTO_TCP, linux.TCP_INFO, info, this.#length)
    if (failed !== 0 || this.#length.readUInt32LE(0) < TCP_INFO_BYTES) return undefined
    return {
      bytes: Number(info.readBigUInt64LE(BYTES_RECEIVED_AT)),
      segmentsIn: info.readUInt32LE(DATA_SEGMENTS_IN_AT),
      segmentsOut: info.readUInt32LE(DATA_SEGMENTS_OUT_AT),
    }
  }

  /** poll(2): waits at most so many whole milliseconds until a line can be written. */
  canTake(fd: number, within: number): boolean {
    this.#pollfd.writeInt32LE(fd, 0)
    this.#pollfd.writeInt16LE(linux.POLLOUT, 4)
    this.#pollfd.writeInt16LE(0, 6)
    return this.#c.poll(this.#pollfd, 1, within) > 0
  }

  /** Makes a bound socket. Returns its descriptor, or the negative errno. */
  #bind(place: TcpAddress): number {
    const bytes = inetAddress(place)
    const family = bytes.readUInt16LE(0)
    const type = linux.SOCK_STREAM | linux.SOCK_NONBLOCK | linux.SOCK_CLOEXEC
    const fd = this.#c.socket(family, type, 0)
    if (fd < 0) return -this.#c.errno()
    // A port that was just in use can be bound again at once.
    this.#setOption(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, 1)
    if (family === linux.AF_INET6) {
      const isV6Only = place.address === undefined ? 0 : 1
      this.#setOption(fd, linux.IPPROTO_IPV6, linux.IPV6_V6ONLY, isV6Only)
    }
    return this.#c.bind(fd, bytes, bytes.length) === 0 ? fd : this.#closeFailed(fd)
  }

  /** Closes the descriptor, and returns the negative errno of the last call. */
  #closeFailed(fd: number): number {
    const why = this.#c.errno()
    closeSync(fd)
    return -why
  }

  #setOption(fd: number, level: number, name: number, number: number): void {
    this.#value.writeInt32LE(number)
    this.#c.setsockopt(fd, level, name, this.#value, this.#value.length)
  }

  #isListening(fd: number): boolean {
    const [value, length] = [this.#value, this.#length]
    length.writeUInt32LE(value.length)
    const failed =
      this.#c.getsockopt(fd, linux.SOL_SOCKET, linux.SO_ACCEPTCONN, value, length) !== 0
    return !failed && value.readInt32LE(0) === 1
  }

  #setEvent(id: number, what: 'talking' | 'leaving'): void {
    const bits = what === 'talking' ? linux.EPOLLIN | linux.EPOLLRDHUP : linux.EPOLLRDHUP
    this.#event.writeUInt32LE(bits, 0)
    this.#event.writeUInt32LE(id % 2 ** 32, linux.EVENT_DATA_AT)
    this.#event.writeUInt32LE(Math.floor(id / 2 ** 32), linux.EVENT_DATA_AT + 4)
  }

  #eventAt(at: number): SocketEvent {
    const low = this.#events.readUInt32LE(at + linux.EVENT_DATA_AT)
    const high = this.#events.readUInt32LE(at + linux.EVENT_DATA_AT + 4)
    const what = this.#events.readUInt32LE(at)
    return {
      id: high * 2 ** 32 + low,
      isEnd: (what & (linux.EPOLLRDHUP | linux.EPOLLHUP | linux.EPOLLERR)) !== 0,
    }
  }

  /** Turns the signal of a descriptor on or off, and leaves its other flags as they are. */
  #signal(fd: number, isOn: boolean): void {
    const flags = this.#c.fcntl(fd, linux.F_GETFL, 0)
    this.#c.fcntl(fd, linux.F_SETFL, isOn ? flags | linux.O_ASYNC : flags & ~linux.O_ASYNC)
  }
}
