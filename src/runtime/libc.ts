import { closeSync } from 'node:fs'
import { type Foreign, loadFunctions } from './foreign.ts'

/**
 * The few calls of the C library that neither runtime has by itself.
 */
export interface Libc {
  /**
   * poll(2) on one descriptor for at most so many whole milliseconds. Blocks the
   * process. The events that came; 0 if none did, or a signal cut it short.
   */
  poll(fd: number, events: number, milliseconds: number): number
  /** recv(2) of one byte that stays where it is: 1, 0 at the end of the stream, -1 for anything else. */
  peek(fd: number): number
  /** flock(2), exclusive, without waiting: whether this process has the lock now. */
  tryLock(fd: number): boolean
  /** signal(2): what a signal does from here on and after an exec. */
  setSignal(number: number, disposition: 'default' | 'ignored'): void
  /** getsockopt(2), SO_PEERCRED: who connected the other end of a unix socket; undefined for any other. */
  peerOf(fd: number): { readonly pid: number; readonly uid: number } | undefined
  /** getsockopt(2), SO_TYPE and SO_DOMAIN: what a descriptor is, undefined if it is no such socket. */
  socketKind(fd: number): SocketKind | undefined
  /**
   * sendto(2): one datagram to the unix socket at a path, or in the abstract space where it
   * begins with `@` or NUL. Whether all of it was taken; this process is its sender.
   */
  sendDatagram(path: string, text: string): boolean
  /**
   * prctl(2), PR_SET_DUMPABLE: from now on no process without privileges, of the same user or
   * not, can trace this one or open what proc(5) shows of it, as its memory and environment;
   * nor does it leave a core. A program that this one starts is as before.
   */
  forbidTracing(): void
  /** prctl(2), PR_SET_CHILD_SUBREAPER: descendants whose parent has ended become children of this process. */
  adoptOrphans(): void
  /** waitpid(2) without waiting: frees what is left of a child that has ended. */
  reap(pid: number): void
  /** socket(2) and bind(2) of a stream: its descriptor, or the negative errno. */
  bindStream(place: StreamPlace): number
}

/** A path of at most 107 bytes, or a port of an IP address of 4 or 16 bytes. */
export type StreamPlace =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly ip: Uint8Array; readonly port: number }

export interface SocketKind {
  readonly type: 'stream' | 'datagram'
  /** Undefined for any other than IPv4 and IPv6. */
  readonly family: 4 | 6 | undefined
}

export const POLLIN = 0x1
export const POLLOUT = 0x4
export const POLLRDHUP = 0x2000

const MSG_PEEK = 0x2
const MSG_DONTWAIT = 0x40
const LOCK_EX = 2
const LOCK_NB = 4
const SIG_DFL = 0
const SIG_IGN = 1
const SOL_SOCKET = 1
const SO_REUSEADDR = 2
const SO_TYPE = 3
const SO_PEERCRED = 17
const SO_DOMAIN = 39
const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const SOCK_STREAM = 1
const SOCK_DGRAM = 2
const SOCK_CLOEXEC = 0o2000000
const MSG_NOSIGNAL = 0x4000
/** sun_path of struct sockaddr_un, unix(7); the family stands before it. */
const PATH_BYTES = 108
const PATH_AT = 2
/** struct ucred: pid, uid, gid. */
const UCRED_BYTES = 12
const PR_SET_DUMPABLE = 4
const PR_SET_CHILD_SUBREAPER = 36
const WNOHANG = 1
const ENAMETOOLONG = 36
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
  'waitpid',
] as const

/** The C library, or undefined if this runtime has no way to it: Node without koffi. */
export async function loadLibc(): Promise<Libc | undefined> {
  const calls = await loadFunctions(...used)
  return calls && fromCalls(calls)
}

/** Its buffers are used by one call at a time, and read before it returns: no call is asynchronous. */
function fromCalls(libc: Foreign<(typeof used)[number]>): Libc {
  const pollfd = Buffer.alloc(POLLFD_BYTES)
  const byte = Buffer.alloc(1)
  const ucred = Buffer.alloc(UCRED_BYTES)
  const length = Buffer.alloc(4)
  const value = Buffer.alloc(4)

  function socketOption(fd: number, name: number): number | undefined {
    length.writeUInt32LE(value.length)
    const failed = libc.getsockopt(fd, SOL_SOCKET, name, value, length) !== 0
    return failed ? undefined : value.readInt32LE(0)
  }

  return {
    poll(fd, events, milliseconds) {
      pollfd.writeInt32LE(fd, 0)
      pollfd.writeInt16LE(events, 4)
      pollfd.writeInt16LE(0, REVENTS_AT)
      return libc.poll(pollfd, 1, milliseconds) > 0 ? pollfd.readInt16LE(REVENTS_AT) : 0
    },
    peek: (fd) => Number(libc.recv(fd, byte, 1, MSG_PEEK | MSG_DONTWAIT)),
    tryLock: (fd) => libc.flock(fd, LOCK_EX | LOCK_NB) === 0,
    setSignal(number, disposition) {
      libc.signal(number, disposition === 'ignored' ? SIG_IGN : SIG_DFL)
    },
    peerOf(fd) {
      length.writeUInt32LE(UCRED_BYTES)
      if (libc.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, length) !== 0) return undefined
      const pid = ucred.readInt32LE(0) // 0 for a socket of another family
      return pid > 0 ? { pid, uid: ucred.readUInt32LE(4) } : undefined
    },
    socketKind(fd) {
      const type = socketOption(fd, SO_TYPE)
      if (type !== SOCK_STREAM && type !== SOCK_DGRAM) return undefined
      const domain = socketOption(fd, SO_DOMAIN)
      return {
        type: type === SOCK_DGRAM ? 'datagram' : 'stream',
        family: domain === AF_INET ? 4 : domain === AF_INET6 ? 6 : undefined,
      }
    },
    sendDatagram(path, text) {
      const address = unixAddress(path)
      const fd = address ? libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1
      if (address === undefined || fd < 0) return false
      const bytes = Buffer.from(text)
      try {
        const sent = libc.sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length)
        return Number(sent) === bytes.length
      } finally {
        closeSync(fd)
      }
    },
    forbidTracing() {
      libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    },
    adoptOrphans() {
      libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    },
    reap(pid) {
      libc.waitpid(pid, value, WNOHANG)
    },
    bindStream(place) {
      const address = place.kind === 'unix' ? unixAddress(place.path) : inetAddress(place)
      if (address === undefined) return -ENAMETOOLONG
      const fd = libc.socket(address.readUInt16LE(0), SOCK_STREAM | SOCK_CLOEXEC, 0)
      if (fd < 0) return -libc.errno()
      value.writeInt32LE(1)
      // A port that the last process had is free at once.
      libc.setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, value, value.length)
      if (libc.bind(fd, address, address.length) === 0) return fd
      const why = libc.errno()
      closeSync(fd)
      return -why
    },
  }
}

/** struct sockaddr_in or sockaddr_in6, ip(7) and ipv6(7). */
function inetAddress({ ip, port }: StreamPlace & { readonly kind: 'tcp' }): Buffer {
  const address = Buffer.alloc(ip.length === 4 ? 16 : 28)
  address.writeUInt16LE(ip.length === 4 ? AF_INET : AF_INET6, 0)
  address.writeUInt16BE(port, 2)
  address.set(ip, ip.length === 4 ? 4 : 8)
  return address
}

/** struct sockaddr_un; undefined if the path does not fit. */
function unixAddress(path: string): Buffer | undefined {
  const name = Buffer.from(path.replace(/^@/, '\0'))
  if (name.length === 0 || name.length >= PATH_BYTES) return undefined
  const address = Buffer.alloc(PATH_AT + name.length + (name[0] === 0 ? 0 : 1))
  address.writeUInt16LE(AF_UNIX, 0)
  name.copy(address, PATH_AT)
  return address
}
