import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

/**
 * The LD_LIBRARY_PATH of an unpacked program: libraries that the machine lacks were unpacked with
 * it.
 */
export function unpackedLibraries(program: string): string {
  const parent = join(dirname(program), '../lib')
  if (!existsSync(parent)) return ''
  return [parent, ...readdirSync(parent).map((name) => join(parent, name))].join(':')
}
