import { readFileSync } from 'node:fs'

/** A function of the C library that takes and returns integers; on Bun alone. */
export async function libcFunction(
  name: string,
  integers: number,
): Promise<(...args: number[]) => number> {
  const { dlopen } = await import('bun:ffi')
  const { symbols } = dlopen(libcFile(), {
    [name]: { args: Array(integers).fill('int'), returns: 'int' },
  })
  return symbols[name]!
}

/** The one that this process has loaded: musl's is its dynamic linker, too. */
export function libcFile(): string {
  const maps = readFileSync('/proc/self/maps', 'latin1')
  return /\/\S*\/ld-musl-\w+\.so\.1$/m.exec(maps)?.[0] ?? 'libc.so.6'
}
