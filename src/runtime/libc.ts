/**
 * The few calls of the C library that neither runtime has by itself. Both reach them
 * through a foreign function interface: Node by the optional package koffi, Bun by its
 * own bun:ffi.
 */
export interface Libc {
  /**
   * poll(2) on one descriptor for at most so many whole milliseconds. Blocks the
   * process. The events that came; 0 where none did, or a signal cut it short.
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
const SO_PEERCRED = 17
/** struct ucred: pid, uid, gid. */
const UCRED_BYTES = 12
const POLLFD_BYTES = 8
const REVENTS_AT = 6

/** The calls as C has them; each runtime's interface gives these. */
interface Symbols {
  poll(pollfds: Buffer, count: number, milliseconds: number): number
  recv(fd: number, buffer: Buffer, length: number, flags: number): number | bigint
  flock(fd: number, operation: number): number
  signal(number: number, handler: number): unknown
  getsockopt(fd: number, level: number, name: number, value: Buffer, length: Buffer): number
}

/** The C library, or undefined where this runtime has no way to it: Node without koffi. */
export async function loadLibc(): Promise<Libc | undefined> {
  const symbols = process.versions.bun ? await symbolsOfBun() : await symbolsOfNode()
  return symbols && fromSymbols(symbols)
}

function fromSymbols(symbols: Symbols): Libc {
  const pollfd = Buffer.alloc(POLLFD_BYTES)
  const byte = Buffer.alloc(1)
  const ucred = Buffer.alloc(UCRED_BYTES)
  const length = Buffer.alloc(4)
  return {
    poll(fd, events, milliseconds) {
      pollfd.writeInt32LE(fd, 0)
      pollfd.writeInt16LE(events, 4)
      pollfd.writeInt16LE(0, REVENTS_AT)
      return symbols.poll(pollfd, 1, milliseconds) > 0 ? pollfd.readInt16LE(REVENTS_AT) : 0
    },
    peek: (fd) => Number(symbols.recv(fd, byte, 1, MSG_PEEK | MSG_DONTWAIT)),
    tryLock: (fd) => symbols.flock(fd, LOCK_EX | LOCK_NB) === 0,
    setSignal(number, disposition) {
      symbols.signal(number, disposition === 'ignored' ? SIG_IGN : SIG_DFL)
    },
    peerOf(fd) {
      length.writeUInt32LE(UCRED_BYTES)
      if (symbols.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, ucred, length) !== 0) return undefined
      const pid = ucred.readInt32LE(0) // 0 for a socket of another family
      return pid > 0 ? { pid, uid: ucred.readUInt32LE(4) } : undefined
    },
  }
}

async function symbolsOfNode(): Promise<Symbols | undefined> {
  const koffi = await import('koffi').catch(() => undefined)
  const library = (koffi?.default ?? koffi)?.load(null) // what is linked to Node itself, glibc or musl
  return (
    library && {
      poll: library.func('poll', 'int', ['void *', 'ulong', 'int']),
      recv: library.func('recv', 'long', ['int', 'void *', 'size_t', 'int']),
      flock: library.func('flock', 'int', ['int', 'int']),
      signal: library.func('signal', 'intptr_t', ['int', 'intptr_t']),
      getsockopt: library.func('getsockopt', 'int', ['int', 'int', 'int', 'void *', 'void *']),
    }
  )
}

interface BunFfi {
  dlopen(file: string, functions: Record<string, object>): { symbols: unknown }
}

async function symbolsOfBun(): Promise<Symbols> {
  const { dlopen } = (await import('bun:ffi' as string)) as BunFfi
  return dlopen('libc.so.6', {
    poll: { args: ['ptr', 'u64', 'i32'], returns: 'i32' },
    recv: { args: ['i32', 'ptr', 'u64', 'i32'], returns: 'i64' },
    flock: { args: ['i32', 'i32'], returns: 'i32' },
    signal: { args: ['i32', 'i64'], returns: 'i64' },
    getsockopt: { args: ['i32', 'i32', 'i32', 'ptr', 'ptr'], returns: 'i32' },
  }).symbols as Symbols
}
