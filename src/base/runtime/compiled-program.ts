import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Whether this is a compiled program, which runs on Bun instead of Node. */
export const isCompiled: boolean = process.versions.bun !== undefined

/**
 * The first argument of each compiled program, explained in src/c/launcher/launch.c. The program's name and
 * its launcher follow.
 */
export const RUNTIME_MARKER = 'login'

/**
 * Threads of onescand for file-system calls, as in UV_THREADPOOL_SIZE: libuv's pool in Node, and the pool of the
 * compiled runtime, which src/c/launcher/launch.c sets.
 */
export const DAEMON_THREADS = 24

/** The file of this program. */
export const ownFile = process.argv[1] ?? ''

/**
 * Returns the command that starts another compiled program as its launcher
 * (src/c/launcher/launch.c) would. The environment must have no variables BUN_*.
 */
export function compiledProgram(name: string): [string, ...string[]] {
  return [runtimeBy(name), RUNTIME_MARKER, name, ownFile]
}

/**
 * Returns the command that starts this program, called `name`, once more with these arguments. Workers
 * are started by it, one for each processor.
 */
export function ownCommand(name: string, ...args: readonly string[]): [string, ...string[]] {
  if (isCompiled) return [...compiledProgram(name), ...args]
  return [process.execPath, ...process.execArgv, ONE_HELPER, ownFile, ...args]
}

/** Returns the command that starts the program called `name` of the same installation. */
export function siblingCommand(name: string, ...args: readonly string[]): [string, ...string[]] {
  if (isCompiled) return [...compiledProgram(name), ...args]
  // This program is a bundle, or npm's launcher in the directory beside that of the bundles.
  const here = dirname(realpathSync(ownFile))
  const beside = join(here, '../dist', `${name}.cjs`)
  const bundle = existsSync(beside) ? beside : join(here, `${name}.cjs`)
  return [process.execPath, ...process.execArgv, bundle, ...args]
}

/** One thread for V8's garbage collection: more would take processors from other workers and scanners. */
const ONE_HELPER = '--v8-pool-size=1'

/**
 * Returns the link runtime/NAME, after which the kernel names the process, or the runtime itself if
 * there is no such link.
 */
function runtimeBy(name: string): string {
  const link = join(dirname(process.execPath), 'runtime', name)
  return existsSync(link) ? link : process.execPath
}
