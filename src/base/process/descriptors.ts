import { fstatSync, readFileSync, writeSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { attempt } from '../errors/fault.ts'
import { isCompiled } from '../runtime/compiled-program.ts'
import { loadSystem, type Peer } from '../runtime/system.ts'

/**
 * Writes all bytes, at `position` or at the descriptor's own offset. One write(2) may accept fewer, so this
 * repeats it until none are left. Throws the error of write(2).
 */
export function writeWhole(fd: number, bytes: Uint8Array, position?: number): void {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done
    done += writeSync(fd, bytes, done, bytes.length - done, at)
  }
}

/** Writes all bytes like writeWhole(), without blocking other work. */
export async function writeWholeInThread(
  file: FileHandle,
  bytes: Uint8Array,
  position?: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const at = position === undefined ? null : position + done
    done += (await file.write(bytes, done, bytes.length - done, at)).bytesWritten
  }
}

/** The bits that hold O_RDONLY, O_WRONLY or O_RDWR. */
const ACCESS_MODE = 3

/**
 * Returns whether a descriptor is open for this access: O_RDONLY, O_WRONLY or O_RDWR. Throws if it is closed.
 */
export function isOpenedFor(fd: number, access: number): boolean {
  return (descriptorFlags(fd) & ACCESS_MODE) === access
}

/**
 * Returns the flags with which this process has opened a descriptor: proc_pid_fdinfo(5). Throws if it is
 * closed.
 */
export function descriptorFlags(fd: number): number {
  const [, flags = ''] = /^flags:\s*([0-7]+)$/m.exec(infoOf(fd)) ?? []
  return Number.parseInt(flags, 8)
}

/**
 * Returns the number of the mount that an open file is on, as mountinfo has it. O_PATH is enough for the descriptor. Throws if
 * it is closed.
 */
export function mountOf(fd: number): string | undefined {
  return /^mnt_id:\s*(\d+)$/m.exec(infoOf(fd))?.[1]
}

const infoOf = (fd: number): string => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')

const STANDARD_STREAMS: ReadonlyMap<string, number> = new Map([
  ['/dev/stdin', 0],
  ['/dev/stdout', 1],
  ['/dev/stderr', 2],
])

/**
 * Returns the number of the descriptor that a path like /dev/fd/63 names. The caller's shell has opened it.
 */
export function inheritedDescriptor(path: string): number | undefined {
  const [, number] = /^\/(?:dev|proc\/self)\/fd\/([0-9]{1,9})$/.exec(path) ?? []
  return number === undefined ? STANDARD_STREAMS.get(path) : Number(number)
}

/**
 * Returns the descriptor of a connection or of a listening server. Node and Bun keep it in an undocumented
 * member. The result is undefined if that member is missing or is not the number of a socket; callers then do without:
 * a probe finds that clamd takes no open files, workers do not balance connections, and clients are not looked at. The
 * alternative, a search for the inode in /proc/net/tcp, takes 6 ms on a host with a thousand connections.
 */
export function descriptorOf(socket: object): number | undefined {
  const { _handle: handle } = socket as { readonly _handle?: { readonly fd?: unknown } }
  const fd = handle?.fd
  return typeof fd === 'number' && isSocket(fd) ? fd : undefined
}

const isSocket = (fd: number): boolean =>
  fd >= 0 && attempt(() => fstatSync(fd).isSocket()) === true

/** The limit of descriptors (proc_pid_limits(5)). The runtime has raised it as far as it may. */
export function descriptorLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'latin1')
  const [, soft] = /^Max open files +(\d+|unlimited)/m.exec(limits) ?? []
  return soft === 'unlimited' || soft === undefined ? Number.MAX_SAFE_INTEGER : Number(soft)
}

/**
 * Replaces process.stdin, stdout and stderr by streams that lead nowhere, on Node alone. Whenever a socket is
 * closed, Node opens process.stderr to see whether it is that socket. That sets O_NONBLOCK on a pipe to which
 * other processes log as well. Bun does not open it on its own, but would as soon as this function read the
 * property.
 */
export function leaveStandardStreamsAlone(): void {
  if (isCompiled) return
  for (const name of ['stdin', 'stdout', 'stderr']) {
    Object.defineProperty(process, name, { value: nowhere, configurable: true })
  }
}

/** The part of a stream that `console` needs. */
const nowhere = {
  write: () => true,
  once: () => nowhere,
  removeListener: () => nowhere,
  listenerCount: () => 0,
}

/**
 * A flag of open(2) that neither runtime exports. Its value is the same on x86-64 and arm64, and with glibc
 * and musl.
 */
export const O_PATH = 0o10000000

/** Returns the process at the other end of a unix socket, as the kernel reports it, or undefined if that is not known. */
export const peerOf = (socket: object): Peer | undefined =>
  loadSystem()?.peerOf(descriptorOf(socket) ?? -1)

/** Returns whether the client at a socket has sent bytes that this process has not read. */
export function hasUnread(socket: object): boolean {
  return loadSystem()?.look(descriptorOf(socket) ?? -1) === 'talks'
}
