import { readFileSync } from 'node:fs'
import { isCompiled } from './compiled-program.ts'
import { loadKoffi } from './koffi.ts'

/**
 * The functions of the C library that programs of onescan call: first the type of the result, then
 * those of the arguments. Both runtimes reach them through a foreign function interface: Node by
 * the optional package koffi, Bun by its own bun:ffi.
 */
const functions = {
  accept4: ['int', 'int', 'bytes', 'bytes', 'int'],
  bind: ['int', 'int', 'bytes', 'uint'],
  close: ['int', 'int'],
  connect: ['int', 'int', 'bytes', 'uint'],
  epoll_create1: ['int', 'int'],
  epoll_ctl: ['int', 'int', 'int', 'int', 'bytes'],
  epoll_wait: ['int', 'int', 'bytes', 'int', 'int'],
  fcntl: ['int', 'int', 'int', 'int'],
  flock: ['int', 'int', 'int'],
  getsockname: ['int', 'int', 'bytes', 'bytes'],
  getsockopt: ['int', 'int', 'int', 'int', 'bytes', 'bytes'],
  listen: ['int', 'int', 'int'],
  memfd_create: ['int', 'bytes', 'uint'],
  poll: ['int', 'bytes', 'ulong', 'int'],
  prctl: ['int', 'int', 'ulong', 'ulong', 'ulong', 'ulong'],
  recv: ['long', 'int', 'bytes', 'ulong', 'int'],
  send: ['long', 'int', 'bytes', 'ulong', 'int'],
  sendmsg: ['long', 'int', 'bytes', 'int'],
  sendto: ['long', 'int', 'bytes', 'ulong', 'int', 'bytes', 'uint'],
  setsockopt: ['int', 'int', 'int', 'int', 'bytes', 'uint'],
  shutdown: ['int', 'int', 'int'],
  signal: ['long', 'int', 'long'],
  socket: ['int', 'int', 'int', 'int'],
  syscall: ['long', 'long', 'long', 'long'],
} as const satisfies Record<string, readonly CType[]>

/** A type of C on Linux with 64 bits: a number, or the address of bytes. */
type CType = 'int' | 'uint' | 'long' | 'ulong' | 'bytes'

const koffiTypes: Readonly<Record<CType, string>> = {
  int: 'int',
  uint: 'uint',
  long: 'long',
  ulong: 'ulong',
  bytes: 'void *',
}
const bunTypes = { int: 'int', uint: 'u32', long: 'i64', ulong: 'u64', bytes: 'ptr' } as const

type FunctionName = keyof typeof functions
type ArgumentOf<Each extends CType> = Each extends 'bytes' ? Buffer : number
type CSignature<Name extends FunctionName> = (typeof functions)[Name]
type CCall<Name extends FunctionName> =
  CSignature<Name> extends readonly [infer Returned, ...infer Args extends readonly CType[]]
    ? (
        ...args: { [At in keyof Args]: ArgumentOf<Args[At]> }
      ) => Returned extends 'long' ? number | bigint : number
    : never

/** Some of these functions, and two helpers for calling them. */
export type CFunctions<Name extends FunctionName> = { readonly [Each in Name]: CCall<Each> } & {
  /** The errno of the last call. */
  errno(): number
  /**
   * The address of bytes, for a structure that holds one. It is valid until the caller returns to
   * the event loop.
   */
  addressOf(bytes: Buffer): bigint
}

/**
 * Loads these functions, whose calls are synchronous. Returns undefined if this runtime cannot call
 * C (Node without koffi).
 */
export async function loadFunctions<Name extends FunctionName>(
  ...names: readonly Name[]
): Promise<CFunctions<Name> | undefined> {
  if (isCompiled) return bunFunctions(...names)
  const koffi = await loadKoffi().catch(() => undefined)
  const library = koffi?.load(null) // what Node itself is linked to, glibc or musl
  if (koffi === undefined || library === undefined) return undefined
  const calls = names.map((name) => {
    const [returned, ...args] = functions[name]
    return [
      name,
      library.func(
        name,
        koffiTypes[returned],
        args.map((kind) => koffiTypes[kind]),
      ),
    ]
  })
  return {
    ...Object.fromEntries(calls),
    errno: () => koffi.errno(),
    addressOf: (bytes: Buffer) => BigInt(koffi.address(bytes)),
  }
}

/** Does the same at once, on Bun alone. */
export function bunFunctions<Name extends FunctionName>(
  ...names: readonly Name[]
): CFunctions<Name> {
  const ffi = process.getBuiltinModule('bun:ffi' as never) as typeof import('bun:ffi')
  const wanted = names.map((name) => {
    const [returned, ...args] = functions[name]
    return [name, { args: args.map((kind) => bunTypes[kind]), returns: bunTypes[returned] }]
  })
  const { symbols } = ffi.dlopen(libcFile(), {
    ...Object.fromEntries(wanted),
    __errno_location: { args: [], returns: 'ptr' },
  })
  return {
    ...symbols,
    errno: () => ffi.read.i32(symbols.__errno_location!()),
    addressOf: (bytes: Buffer) => BigInt(ffi.ptr(bytes)),
  } as unknown as CFunctions<Name>
}

/** Names the C library that this process has loaded. That of musl is also its dynamic linker. */
function libcFile(): string {
  const lines = readFileSync('/proc/self/maps', 'latin1').split('\n')
  const files = lines.map((line) => line.slice(line.indexOf('/')))
  return files.find((file) => /\/ld-musl-\w+\.so\.1$/.test(file)) ?? 'libc.so.6'
}
