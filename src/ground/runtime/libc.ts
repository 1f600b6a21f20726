import { closeSync } from 'node:fs'
import { type CFunctions, loadFunctions } from './c-functions.ts'
import * as linux from './linux.ts'
import { inetAddress, type TcpAddress, unixAddress } from './socket-address.ts'

/** The address of a stream socket: a path of at most 107 bytes, or an IP address and a port. */
export type StreamAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | ({ readonly kind: 'tcp' } & TcpAddress)

export interface SocketKind {
  readonly type: 'stream' | 'datagram'
  /** Undefined for other families than IPv4 and IPv6. */
  readonly family: 4 | 6 | undefined
}

/** struct ucred: pid, uid, gid. */
const UCRED_BYTES = 12
const POLLFD_BYTES = 8
const REVENTS_AT = 6

const used = [
  'bind',
  'flock',
  'getsockopt',
  'poll',
  'prctl',
  'recv',
  'sendto',
  'setsockopt',
  'signal',
  'socket',
] as const

/** Loads the calls; undefined if this runtime cannot call C (Node without koffi). */
export async function loadLibc(): Promise<Libc | undefined> {
  const calls = await loadFunctions(...used)
  return calls && new Libc(calls)
}

/** The calls of the C library that neither runtime offers, except those for TCP and descriptors. */
export class Libc {
  readonly #calls: CFunctions<(typeof used)[number]>
  // All calls share these buffers: no call is asynchronous, and each buffer is read before its call
  // returns.
  readonly #pollfd = Buffer.alloc(POLLFD_BYTES)
  readonly #byte = Buffer.alloc(1)
  readonly #ucred = Buffer.alloc(UCRED_BYTES)
  readonly #length = Buffer.alloc(4)
  readonly #value = Buffer.alloc(4)

  constructor(calls: CFunctions<(typeof used)[number]>) {
    this.#calls = calls
  }

  /**
   * poll(2): waits for events of one descriptor, for at most so many whole milliseconds. Blocks the
   * process. Returns the events that came; 0 if there were none, or if a signal cut the wait short.
   */
  poll(fd: number, events: number, milliseconds: number): number {
    const pollfd = this.#pollfd
    pollfd.writeInt32LE(fd, 0)
    pollfd.writeInt16LE(events, 4)
    pollfd.writeInt16LE(0, REVENTS_AT)
    return this.#calls.poll(pollfd, 1, milliseconds) > 0 ? pollfd.readInt16LE(REVENTS_AT) : 0
  }

  /**
   * recv(2) with MSG_PEEK: returns 1 if a byte has arrived, which is not taken, 0 at the end of the
   * stream, or -1 for anything else.
   */
  peek(fd: number): number {
    return Number(this.#calls.recv(fd, this.#byte, 1, linux.MSG_PEEK | linux.MSG_DONTWAIT))
  }

  /** flock(2), exclusive, without waiting. Returns whether this process holds the lock now. */
  tryLock(fd: number): boolean {
    return this.#calls.flock(fd, linux.LOCK_EX | linux.LOCK_NB) === 0
  }

  /** signal(2): sets what a signal does from now on, also after an exec. */
  setSignal(number: number, disposition: 'default' | 'ignored'): void {
    this.#calls.signal(number, disposition === 'ignored' ? linux.SIG_IGN : linux.SIG_DFL)
  }

  /**
   * getsockopt(2), SO_PEERCRED: returns the process that connected the other end of a unix socket;
   * undefined for any other socket.
   */
  peerOf(fd: number): { readonly pid: number; readonly uid: number } | undefined {
    const ucred = this.#ucred
    if (!this.#readOption(fd, linux.SO_PEERCRED, ucred)) return undefined
    const pid = ucred.readInt32LE(0) // 0 for a socket of another family
    return pid > 0 ? { pid, uid: ucred.readUInt32LE(4) } : undefined
  }

  /**
   * getsockopt(2), SO_TYPE and SO_DOMAIN; undefined if the descriptor is not a socket of a known kind.
   */
  socketKind(fd: number): SocketKind | undefined {
    const type = this.#optionOf(fd, linux.SO_TYPE)
    if (type !== linux.SOCK_STREAM && type !== linux.SOCK_DGRAM) return undefined
    const domain = this.#optionOf(fd, linux.SO_DOMAIN)
    return {
      type: type === linux.SOCK_DGRAM ? 'datagram' : 'stream',
      family: domain === linux.AF_INET ? 4 : domain === linux.AF_INET6 ? 6 : undefined,
    }
  }

  /**
   * sendto(2): sends one datagram to the unix socket at a path, or in the abstract namespace if the
   * path begins with `@` or NUL. Returns whether the kernel took all of it. The receiver sees this
   * process as the sender.
   */
  sendDatagram(path: string, text: string): boolean {
    const { socket, sendto } = this.#calls
    const address = unixAddress(path)
    const fd = address ? socket(linux.AF_UNIX, linux.SOCK_DGRAM | linux.SOCK_CLOEXEC, 0) : -1
    if (address === undefined || fd < 0) return false
    const bytes = Buffer.from(text)
    try {
      const flags = linux.MSG_NOSIGNAL
      const sent = sendto(fd, bytes, bytes.length, flags, address, address.length)
      return Number(sent) === bytes.length
    } finally {
      closeSync(fd)
    }
  }

  /**
   * prctl(2), PR_SET_DUMPABLE: from now on no process without privileges, not even one of the same
   * user, can trace this one or open its memory and environment in proc(5). This process leaves no
   * core, either. Programs that it starts are not affected.
   */
  forbidTracing(): void {
    this.#calls.prctl(linux.PR_SET_DUMPABLE, 0, 0, 0, 0)
  }

  /**
   * socket(2) and bind(2): makes a stream socket. Returns its descriptor, or the negative errno.
   */
  bindStream(address: StreamAddress): number {
    const { socket, setsockopt, bind, errno } = this.#calls
    const bytes = address.kind === 'unix' ? unixAddress(address.path) : inetAddress(address)
    if (bytes === undefined) return -linux.ENAMETOOLONG
    const fd = socket(bytes.readUInt16LE(0), linux.SOCK_STREAM | linux.SOCK_CLOEXEC, 0)
    if (fd < 0) return -errno()
    const on = this.#value
    on.writeInt32LE(1)
    // A port that was just in use can be bound again at once.
    setsockopt(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, on, on.length)
    if (bind(fd, bytes, bytes.length) === 0) return fd
    const why = errno()
    closeSync(fd)
    return -why
  }

  #optionOf(fd: number, name: number): number | undefined {
    return this.#readOption(fd, name, this.#value) ? this.#value.readInt32LE(0) : undefined
  }

  #readOption(fd: number, name: number, value: Buffer): boolean {
    this.#length.writeUInt32LE(value.length)
    return this.#calls.getsockopt(fd, linux.SOL_SOCKET, name, value, this.#length) === 0
  }
}
