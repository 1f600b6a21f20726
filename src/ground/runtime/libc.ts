import { closeSync } from 'node:fs'
import { type CFunctions, loadFunctions } from './c-functions.ts'
import * as linux from './linux.ts'
import { inetAddress, type TcpAddress, unixAddress } from './socket-address.ts'

/** The calls of the C library that neither runtime offers, except those for TCP and descriptors. */
export interface Libc {
  /**
   * poll(2): waits for events of one descriptor, for at most so many whole milliseconds. Blocks the
   * process. Returns the events that came; 0 if there were none, or if a signal cut the wait short.
   */
  poll(fd: number, events: number, milliseconds: number): number
  /**
   * recv(2) with MSG_PEEK: returns 1 if a byte has arrived, which is not taken, 0 at the end of the
   * stream, or -1 for anything else.
   */
  peek(fd: number): number
  /** flock(2), exclusive, without waiting. Returns whether this process holds the lock now. */
  tryLock(fd: number): boolean
  /** signal(2): sets what a signal does from now on, also after an exec. */
  setSignal(number: number, disposition: 'default' | 'ignored'): void
  /**
   * getsockopt(2), SO_PEERCRED: returns the process that connected the other end of a unix socket;
   * undefined for any other socket.
   */
  peerOf(fd: number): { readonly pid: number; readonly uid: number } | undefined
  /**
   * getsockopt(2), SO_TYPE and SO_DOMAIN; undefined if the descriptor is no socket of a known kind.
   */
  socketKind(fd: number): SocketKind | undefined
  /**
   * sendto(2): sends one datagram to the unix socket at a path, or in the abstract namespace if the
   * path begins with `@` or NUL. Returns whether the kernel took all of it. The receiver sees this
   * process as the sender.
   */
  sendDatagram(path: string, text: string): boolean
  /**
   * prctl(2), PR_SET_DUMPABLE: from now on no process without privileges, not even one of the same
   * user, can trace this one or open its memory and environment in proc(5). This process leaves no
   * core, either. Programs that it starts are not affected.
   */
  forbidTracing(): void
  /**
   * prctl(2), PR_SET_CHILD_SUBREAPER: descendants whose parent has ended become children of this
   * process.
   */
  adoptOrphans(): void
  /** waitpid(2), WNOHANG: frees the process table's entry of a child that has ended. */
  reap(pid: number): void
  /**
   * socket(2) and bind(2): makes a stream socket. Returns its descriptor, or the negative errno.
   */
  bindStream(address: StreamAddress): number
}

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
  'waitpid',
] as const

/** Loads the calls; undefined if this runtime cannot call C (Node without koffi). */
export async function loadLibc(): Promise<Libc | undefined> {
  const calls = await loadFunctions(...used)
  return calls && fromCalls(calls)
}

/**
 * All calls share these buffers: no call is asynchronous, and each buffer is read before its call
 * returns.
 */
function fromCalls(libc: CFunctions<(typeof used)[number]>): Libc {
  const pollfd = Buffer.alloc(POLLFD_BYTES)
  const byte = Buffer.alloc(1)
  const ucred = Buffer.alloc(UCRED_BYTES)
  const length = Buffer.alloc(4)
  const value = Buffer.alloc(4)

  function socketOption(fd: number, name: number): number | undefined {
    length.writeUInt32LE(value.length)
    const failed = libc.getsockopt(fd, linux.SOL_SOCKET, name, value, length) !== 0
    return failed ? undefined : value.readInt32LE(0)
  }

  return {
    poll(fd, events, milliseconds) {
      pollfd.writeInt32LE(fd, 0)
      pollfd.writeInt16LE(events, 4)
      pollfd.writeInt16LE(0, REVENTS_AT)
      return libc.poll(pollfd, 1, milliseconds) > 0 ? pollfd.readInt16LE(REVENTS_AT) : 0
    },
    peek: (fd) => Number(libc.recv(fd, byte, 1, linux.MSG_PEEK | linux.MSG_DONTWAIT)),
    tryLock: (fd) => libc.flock(fd, linux.LOCK_EX | linux.LOCK_NB) === 0,
    setSignal(number, disposition) {
      libc.signal(number, disposition === 'ignored' ? linux.SIG_IGN : linux.SIG_DFL)
    },
    peerOf(fd) {
      length.writeUInt32LE(UCRED_BYTES)
      if (libc.getsockopt(fd, linux.SOL_SOCKET, linux.SO_PEERCRED, ucred, length) !== 0)
        return undefined
      const pid = ucred.readInt32LE(0) // 0 for a socket of another family
      return pid > 0 ? { pid, uid: ucred.readUInt32LE(4) } : undefined
    },
    socketKind(fd) {
      const type = socketOption(fd, linux.SO_TYPE)
      if (type !== linux.SOCK_STREAM && type !== linux.SOCK_DGRAM) return undefined
      const domain = socketOption(fd, linux.SO_DOMAIN)
      return {
        type: type === linux.SOCK_DGRAM ? 'datagram' : 'stream',
        family: domain === linux.AF_INET ? 4 : domain === linux.AF_INET6 ? 6 : undefined,
      }
    },
    sendDatagram(path, text) {
      const address = unixAddress(path)
      const fd = address ? libc.socket(linux.AF_UNIX, linux.SOCK_DGRAM | linux.SOCK_CLOEXEC, 0) : -1
      if (address === undefined || fd < 0) return false
      const bytes = Buffer.from(text)
      try {
        const sent = libc.sendto(
          fd,
          bytes,
          bytes.length,
          linux.MSG_NOSIGNAL,
          address,
          address.length,
        )
        return Number(sent) === bytes.length
      } finally {
        closeSync(fd)
      }
    },
    forbidTracing() {
      libc.prctl(linux.PR_SET_DUMPABLE, 0, 0, 0, 0)
    },
    adoptOrphans() {
      libc.prctl(linux.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    },
    reap(pid) {
      libc.waitpid(pid, value, linux.WNOHANG)
    },
    bindStream(address) {
      const bytes = address.kind === 'unix' ? unixAddress(address.path) : inetAddress(address)
      if (bytes === undefined) return -linux.ENAMETOOLONG
      const fd = libc.socket(bytes.readUInt16LE(0), linux.SOCK_STREAM | linux.SOCK_CLOEXEC, 0)
      if (fd < 0) return -libc.errno()
      value.writeInt32LE(1)
      // A port that was just in use can be bound again at once.
      libc.setsockopt(fd, linux.SOL_SOCKET, linux.SO_REUSEADDR, value, value.length)
      if (libc.bind(fd, bytes, bytes.length) === 0) return fd
      const why = libc.errno()
      closeSync(fd)
      return -why
    },
  }
}
