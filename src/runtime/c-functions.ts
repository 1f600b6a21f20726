import { libcFile } from './bun-libc.ts'
import { isCompiled } from './compiled-program.ts'
import { loadKoffi } from './koffi.ts'

/** What a function of the C library takes: an int, a size_t, or the address of bytes (null for none). */
export type CArgument = 'int' | 'size' | 'bytes'

/** Functions by name; each returns an int, or what fits a long. */
export type CSignatures = Readonly<
  Record<string, { readonly takes: readonly CArgument[]; readonly returns: 'int' | 'long' }>
>

export type CFunctions<Signatures extends CSignatures> = {
  readonly [Name in keyof Signatures]: (...args: (number | Buffer | null)[]) => number
} & {
  /** errno of the call before. */
  readonly errno: () => number
}

const OF_KOFFI = { int: 'int', size: 'size_t', bytes: 'void *', long: 'long' } as const
const OF_BUN = { int: 'i32', size: 'u64', bytes: 'ptr', long: 'i64_fast' } as const

/**
 * Functions of the C library by their names, from one table for both runtimes; undefined if this
 * one has no way to them: Node without the optional package koffi. None may be variadic but
 * for ints, which Linux passes alike on x86-64 and arm64.
 */
export async function loadCFunctions<const Signatures extends CSignatures>(
  signatures: Signatures,
): Promise<CFunctions<Signatures> | undefined> {
  return (await (isCompiled ? ofBun(signatures) : ofKoffi(signatures))) as
    | CFunctions<Signatures>
    | undefined
}

async function ofKoffi(signatures: CSignatures): Promise<unknown> {
  const koffi = await loadKoffi().catch(() => undefined)
  if (koffi === undefined) return undefined
  const library = koffi.load(null) // what is linked to Node itself, glibc or musl
  const functions = Object.entries(signatures).map(([name, { takes, returns }]) => [
    name,
    library.func(
      name,
      OF_KOFFI[returns],
      takes.map((each) => OF_KOFFI[each]),
    ),
  ])
  return { ...Object.fromEntries(functions), errno: () => koffi.errno() }
}

interface BunFfi {
  dlopen(
    file: string,
    functions: Record<string, object>,
  ): { symbols: Record<string, (...args: unknown[]) => number> }
  readonly read: { i32(pointer: number, offset: number): number }
}

async function ofBun(signatures: CSignatures): Promise<unknown> {
  const { dlopen, read } = (await import('bun:ffi' as string)) as BunFfi
  const functions = Object.entries(signatures).map(([name, { takes, returns }]) => [
    name,
    { args: takes.map((each) => OF_BUN[each]), returns: OF_BUN[returns] },
  ])
  const { symbols } = dlopen(libcFile(), {
    ...Object.fromEntries(functions),
    __errno_location: { args: [], returns: 'ptr' },
  })
  return { ...symbols, errno: () => read.i32(symbols.__errno_location!(), 0) }
}
