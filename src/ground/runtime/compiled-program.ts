import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Whether this is a program of the compiled onescan, and not one on Node. */
export const isCompiled: boolean = process.versions.bun !== undefined

/**
 * The command that starts another program of the compiled onescan as its launcher
 * (src/c/launcher/launch.c) would. The environment must be clean of BUN_* already.
 */
export function compiledProgram(name: string): [string, ...string[]] {
  return [runtimeBy(name), 'login', name, process.argv[1] ?? '']
}

/**
 * The command that starts this very program, which is called `name`, once more, with these words,
 * as one of as many as there are processors.
 */
export function ownCommand(name: string, ...words: readonly string[]): [string, ...string[]] {
  if (isCompiled) return [...compiledProgram(name), ...words]
  return [process.execPath, ...process.execArgv, ONE_HELPER, process.argv[1]!, ...words]
}

/** The command that starts the program called `name` of the same onescan. */
export function siblingCommand(name: string, ...words: readonly string[]): [string, ...string[]] {
  if (isCompiled) return [...compiledProgram(name), ...words]
  const bundle = join(dirname(realpathSync(process.argv[1]!)), `${name}.cjs`)
  return [process.execPath, ...process.execArgv, bundle, ...words]
}

/** More threads that collect V8's garbage would take processors from other workers and scanners. */
const ONE_HELPER = '--v8-pool-size=1'

/** The runtime by the link that the kernel calls its process after; by its own name without one. */
function runtimeBy(name: string): string {
  const link = join(dirname(process.execPath), 'runtime', name)
  return existsSync(link) ? link : process.execPath
}
