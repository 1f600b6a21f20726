import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname

/** Where programs and results of the benchmark go. */
export const buildDirectory: string = join(here, '../../build/bench')

const sources = {
  driver: ['driver.c', 'call.c', 'count.c', 'call.h', 'count.h'],
  sink: ['sink.c'],
  floor: ['floor.c', 'clamd.c', 'clamd.h'],
  fildes: ['fildes.c', 'clamd.c', 'clamd.h'],
  relay: ['ordinary/relay.c'],
} as const

export type BenchProgram = keyof typeof sources

/**
 * Absolute path of a C program of the benchmark, compiled where it is older than its
 * sources. Linked statically: small and quick to start, or its own memory and time
 * would show. Throws where there is no C compiler.
 */
export function compiled(name: BenchProgram): string {
  const files = sources[name].map((file) => join(here, file))
  const program = join(buildDirectory, name)
  const newest = Math.max(...files.map((file) => statSync(file).mtimeMs))
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program
  mkdirSync(buildDirectory, { recursive: true })
  const fresh = `${program}.${process.pid}` // tests run side by side
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-static']
  const units = files.filter((file) => file.endsWith('.c'))
  execFileSync('cc', [...flags, '-o', fresh, ...units], { stdio: ['ignore', 'ignore', 'inherit'] })
  renameSync(fresh, program)
  return program
}
