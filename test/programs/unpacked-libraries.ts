import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** LD_LIBRARY_PATH for an unpacked program: libraries that were unpacked with it, since the machine lacks them. */
export function unpackedLibraries(program: string): string {
  const parent = join(dirname(program), '../lib')
  return existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)).join(':') : '' // biome-ignore format: a line
}
