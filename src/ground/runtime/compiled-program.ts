import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Whether this program is one of the compiled onescan, and does not run on Node. */
export const isCompiled: boolean = process.versions.bun !== undefined

/**
 * The command that starts another program of the compiled onescan as its launcher
 * (src/c/launcher/launch.c) would. The environment must be clean of BUN_* already.
 */
export function compiledProgram(name: string): [string, ...string[]] {
  return [runtimeBy(name), 'login', name, process.argv[1] ?? '']
}

/**
 * The command that starts this program, called `name`, once more with these words. It is for
 * workers, of which there is one a processor.
 */
export function ownCommand(name: string, ...words: readonly string[]): [string, ...string[]] {
  if (isCompiled) return [...compiledProgram(name), ...words]
  return [process.execPath, ...process.execArgv, ONE_HELPER, process.argv[1]!, ...words]
}

/** The command that starts the program called `name` of the same onescan. */
export function siblingCommand(name: string, ...words: readonly string[]): [string, ...string[]] {
  if (isCompiled) return [...compiledProgram(name), ...words]
  // Started as a bundle, or by npm's launcher in the directory beside that of the bundles.
  const here = dirname(realpathSync(process.argv[1]!))
  const beside = join(here, '../dist', `${name}.cjs`)
  const bundle = existsSync(beside) ? beside : join(here, `${name}.cjs`)
  return [process.execPath, ...process.execArgv, bundle, ...words]
}

/**
 * One thread for V8's garbage collection: more would take processors from other workers and
 * scanners.
 */
const ONE_HELPER = '--v8-pool-size=1'

/**
 * The link runtime/NAME, after which the kernel calls the process; the runtime itself if there is
 * no link.
 */
function runtimeBy(name: string): string {
  const link = join(dirname(process.execPath), 'runtime', name)
  return existsSync(link) ? link : process.execPath
}
