import { dirname, join } from 'node:path'
import { getSystemErrorName } from 'node:util'
import { errorText, Fault } from '../errors/fault.ts'
import { codeInWords } from '../errors/system-error.ts'
import { isCompiled } from './compiled-program.ts'

/** The address of one end of a TCP connection. */
export interface TcpEndpoint {
  /** 4 or 16 bytes. An IPv4-mapped IPv6 address is given as IPv4. */
  readonly address: Uint8Array
  readonly port: number
}

export interface AcceptedConnection extends TcpEndpoint {
  readonly fd: number
}

/**
 * Why there is no connection: no client waits, a client has left, or descriptors or memory ran out.
 */
type AcceptTrouble = 'none' | 'gone' | 'exhausted'

export interface SocketEvent {
  readonly id: number
  /** The client has ended its half, or the connection broke. */
  readonly isEnd: boolean
}

/** The bytes sent and received over a connection, as the kernel counts them. */
interface TcpInfo {
  /** Bytes received from the client. */
  readonly bytes: number
  /** Segments with data received from the client, and those sent to it. */
  readonly segmentsIn: number
  readonly segmentsOut: number
}

/** The signal that a process gets if a watched descriptor has something to report. */
export const WAKING_SIGNAL = 'SIGIO'

/** The data received from a unix socket. */
interface ReceivedBytes {
  readonly bytes: number
  readonly descriptors: readonly number[]
  /** Whether more descriptors were sent. */
  readonly areCut: boolean
}

/**
 * The functions of src/c/addon/, which the kernel and the C library offer, but neither runtime. All are
 * synchronous, and none blocks unless its comment states it. Where a function returns a descriptor, a
 * negative number is the negative errno: systemError(). An invalid argument throws.
 */
export interface System {
  /* This process */

  /** signal(2): ignores a signal from now on, or restores the default action. Also applies after an exec. */
  ignoreSignal(number: number, isIgnored: boolean): void
  /**
   * prctl(2), PR_SET_DUMPABLE: no unprivileged process, not even one of the same user, can trace this process
   * from now on, or open its memory and environment in proc(5). This process also leaves no core. Programs
   * that it starts are not affected.
   */
  forbidTracing(): void
  /** keyctl(2): exchanges the keys of the session, session-keyring(7), for a keyring without any. */
  leaveSessionKeys(): void

  /* Files */

  /** flock(2), exclusive. Returns whether this process holds the lock now. */
  tryLock(fd: number): boolean
  /**
   * memfd_create(2): a file in memory without a name, which can be sealed. Returns its descriptor.
   * Its bytes count as memory of this process's control group.
   */
  memoryFile(): number
  /**
   * fcntl(2), F_ADD_SEALS: seals the file, so that no process can write to it, change its length or break the
   * seal. Returns false if that is impossible, because a process has mapped the file for writing.
   */
  seal(fd: number): boolean
  /**
   * mmap(2): returns the first bytes of a file, which must not be written. Returns undefined if the file has fewer, or
   * cannot be mapped. Bytes that are cut off later end the process with SIGBUS, so no other process may have
   * access to the file. It is unmapped when the ArrayBuffer is detached, or freed by the garbage collector.
   */
  mapFile(fd: number, length: number): ArrayBuffer | undefined

  /*
   * Unix sockets, by a path of at most 107 bytes, or a name in the abstract namespace if it begins
   * with `@` or NUL
   */

  /** socket(2) and bind(2): makes a stream socket. Returns its descriptor. */
  bindUnix(path: string): number
  /**
   * sendto(2): sends one datagram of at most 4,000 bytes. Returns whether the kernel took all of it.
   * The receiver sees this process as the sender.
   */
  sendDatagram(path: string, text: string): boolean
  /**
   * connect(2) and SO_PEERCRED: returns the process that listens at this path, even if it closes each connection at
   * once. `unknown` if its queue is full or it is in another container, `nobody` if the connection is refused, undefined
   * after any other error.
   */
  listenerAt(path: string): Peer | 'unknown' | 'nobody' | undefined
  /**
   * getsockopt(2), SO_PEERCRED: returns the process that connected the other end of a unix socket, or
   * undefined for any other socket.
   */
  peerOf(fd: number): Peer | undefined
  /**
   * sendmsg(2): sends bytes with a descriptor, which stays open here (unix(7), SCM_RIGHTS). Returns `nothing`
   * if the socket accepts nothing now, `failed` if the connection has ended.
   */
  passDescriptor(socket: number, bytes: Uint8Array, descriptor: number): PassingResult
  /**
   * recvmsg(2): receives bytes, and up to four descriptors with close-on-exec set. The kernel closes any
   * further descriptors, and those for which this process has no room. `areCut` is then set. 0 bytes are the
   * end of the stream, or undefined if nothing has arrived. Throws if memory is exhausted. The received data
   * is then lost.
   *
   * A caller that accepts a descriptor must neither read nor close it in a thread that may not wait. A file
   * on another user's file system may never answer (close(2), FUSE).
   */
  receiveDescriptors(socket: number, buffer: Uint8Array): ReceivedBytes | undefined
  /** SO_PASSRIGHTS (Linux 6.16): the kernel refuses descriptors. Returns false if it cannot. */
  refuseDescriptors(socket: number): boolean
  /**
   * epoll_ctl(2): adds a descriptor to a set of the runtime with EPOLLEXCLUSIVE, or adds it again. The
   * runtime identifies it by `data`. Returns whether the bit is set. Throws if the descriptor cannot be
   * added.
   */
  wakeOne(epoll: number, fd: number, events: number, data: bigint): boolean
  /** epoll_ctl(2): removes a descriptor from a set. Returns whether it was in it. */
  wakeNone(epoll: number, fd: number): boolean

  /* Descriptors */

  /** fcntl(2), F_DUPFD_CLOEXEC: returns a second descriptor of the same open file. */
  duplicate(fd: number): number
  /**
   * dup3(2), O_CLOEXEC: makes `fd` a descriptor of the open file of `other`, and closes what it was before.
   * Returns whether that worked.
   */
  replace(fd: number, other: number): boolean
  /**
   * send(2), or pwritev2(2) with RWF_NOWAIT (for pipes since Linux 6.4): writes bytes to a socket or pipe. Returns
   * how many could be written without waiting; 0 for a file.
   */
  writeAtOnce(fd: number, bytes: Uint8Array): number

  /* TCP sockets, by addresses of 4 or 16 bytes. A port of 0 lets the kernel choose */

  /** socket(2) and bind(2): makes a socket. Returns its descriptor. */
  bindTcp(address: Uint8Array, port: number): number
  /**
   * Makes a listening socket that does not block, and returns its descriptor. Without an address it
   * listens on all addresses of both families, or of IPv4 alone if the host has no IPv6.
   */
  listen(address: Uint8Array | undefined, port: number, backlog: number): number
  /**
   * Returns whether the descriptor is a listening TCP socket. If it is, accepting from it does not
   * block from now on.
   */
  adoptListener(fd: number): boolean
  /** getsockopt(2), SO_TYPE and SO_DOMAIN, or undefined if the descriptor is not a UDP or TCP socket. */
  socketKind(fd: number): SocketKind | undefined
  /**
   * Returns the next connection, or why there is none. The connection is closed on exec, and blocks
   * for the program that gets it.
   */
  accept(listener: number): AcceptedConnection | AcceptTrouble
  /** getsockname(2). */
  localEndpoint(fd: number): TcpEndpoint | undefined
  /** IP_OPTIONS: drops them, so that answers use no route that the client chose. */
  dropIpOptions(fd: number): void
  /** TCP_NODELAY. */
  sendAtOnce(fd: number): void
  /** TCP_INFO: undefined if the kernel has no such counter. */
  tcpInfo(fd: number): TcpInfo | undefined

  /*
   * Clients whose bytes stay in the kernel until another program takes over the connection.
   *
   * These are bare descriptors. A socket of node:net reads immediately. If it is paused, it never reports that a
   * client sends or disconnects. An epoll(7) set would report that, but neither runtime waits for a foreign
   * descriptor: it would need polling or a second thread. SIGIO (F_SETOWN, O_ASYNC of fcntl(2)) wakes the event loop
   * of Node and of Bun, and waiting costs no processor time.
   *
   * When descriptors run out, node:net closes new connections silently on Node, and Bun retries accept without a pause.
   * Here they wait in the kernel meanwhile, and the log reports that.
   */

  /**
   * From now on the process gets WAKING_SIGNAL when the descriptor has something to report, and
   * events() returns that under `id`. Returns false if the descriptor cannot be watched.
   */
  watch(fd: number, id: number, act: 'talking' | 'leaving'): boolean
  /** Changes for what a descriptor is watched. */
  watchAnew(fd: number, id: number, act: 'talking' | 'leaving'): void
  /** Ends the watch for now. The signal stays on, also for others that have the descriptor. */
  pauseWatch(fd: number): void
  /** Ends the watch permanently. Another program has the descriptor from now on. */
  unwatch(fd: number): void
  /** Returns what has happened to watched descriptors, some hundred events at most. */
  events(): readonly SocketEvent[]
  /** Returns what the client has done until now. The bytes that it sent stay in the kernel. */
  look(fd: number): ClientActivity
  /**
   * Copies the first received bytes and leaves them in the kernel. Returns their number, or 0 if there is no
   * socket.
   */
  peek(fd: number, buffer: Uint8Array): number
  /**
   * Takes bytes of the client. Returns how many: 0 at the end of the stream, undefined if none are
   * there now.
   */
  receive(fd: number, buffer: Uint8Array): number | undefined
  /** Sends bytes. Returns whether the kernel took all of them at once. */
  send(fd: number, bytes: Uint8Array): boolean
  /** shutdown(2) of our half: the client gets all bytes that were sent, then the end. */
  endSending(fd: number): void
  /**
   * shutdown(2) of the client's half, for all processes with the descriptor: readers receive the data until
   * now, and then the end. Written data still reaches the client.
   */
  endReceiving(fd: number): void

  /*
   * poll(2), for at most the given whole milliseconds, or until a signal arrives; these calls block the
   * process
   */

  /** Waits until the client at a socket or pipe sends or disconnects, and returns which. Reads no byte. */
  awaitClient(fd: number, within: number): ClientActivity
  /** Returns whether the client has ended its half, or the connection broke. */
  awaitEnd(fd: number, within: number): boolean
  /** Returns whether there is something to read: bytes, or the end. */
  awaitInput(fd: number, within: number): boolean
  /** Returns whether a line can be written without waiting. */
  awaitRoom(fd: number, within: number): boolean

  /* Shared objects, which stay loaded: dlopen(3), RTLD_LAZY */

  /** Loads `int symbol(const char *path)`. Throws if the file or the symbol cannot be loaded. */
  functionOfPath(file: string, symbol: string): (path: string) => number
  /**
   * Loads `const char *symbol(void)`, or undefined if there is no such symbol. The loaded function returns ''
   * for NULL.
   */
  functionForText(file: string, symbol: string): (() => string) | undefined
}

/** The process at the other end of a unix socket: the one that called connect(2) or listen(2). */
export interface Peer {
  readonly pid: number
  readonly uid: number
}

type PassingResult = 'sent' | 'nothing' | 'failed'
export type ClientActivity = 'silent' | 'talks' | 'left'

interface SocketKind {
  readonly type: 'stream' | 'datagram'
  readonly family: 4 | 6
}

/** The names that uname(1) uses for the processors that have an addon. */
const machines: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64' }

interface Loaded {
  readonly system?: System
  readonly reason?: string
}

let loaded: Loaded | undefined

/** Loads the functions. Returns undefined if this processor has none, or they are not installed. */
export function loadSystem(): System | undefined {
  loaded ??= load()
  return loaded.system
}

/** Loads the functions. Throws a Fault of kind `config` that names the feature that needs them. */
export function requireSystem(without: string): System {
  const system = loadSystem()
  if (system) return system
  const remedy =
    'reinstall onescan for x64 or arm64; in a checkout, install gcc and libc6-dev, and run npm run build'
  throw new Fault('config', `${loaded?.reason}; without it ${without}; ${remedy}`)
}

/** Returns the error for a negative errno that a function of System returned in place of a descriptor. */
export function systemError(errno: number): Error & { readonly code: string } {
  const code = getSystemErrorName(errno)
  return Object.assign(new Error(codeInWords(code)), { code })
}

function load(): Loaded {
  const module = { exports: {} }
  try {
    process.dlopen(module, addonFile())
    return { system: module.exports as System }
  } catch (error) {
    return { reason: errorText(error) }
  }
}

/**
 * Returns the path of the addon, onescan.node. It is beside the compiled runtime, or beside onescanc in the
 * npm package. The package's bundles and the sources of a checkout are in other directories.
 */
function addonFile(): string {
  if (isCompiled) return join(dirname(process.execPath), 'onescan.node')
  const up = import.meta.filename.endsWith('.ts') ? '../../..' : '..'
  const machine = machines[process.arch] ?? process.arch
  return join(import.meta.dirname, up, 'bin', machine, 'onescan.node')
}
