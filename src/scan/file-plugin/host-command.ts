import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import { compiledProgram, isCompiled } from '../../runtime/compiled-program.ts'

/** Beside the bundle, or in the source tree where tests run from there. */
const program = import.meta.filename.endsWith('.ts')
  ? join(import.meta.dirname, '..', 'plugin-host', 'main.ts')
  : join(import.meta.dirname, 'plugin-host.cjs')

/** Between 22.6 and 22.18 Node loads TypeScript only when it is told to. */
const STRIP_TYPES = '--experimental-strip-types'

export type Command = readonly [string, ...string[]]

/** How to run the host for the plugin `file`, on the runtime that runs us. */
export function hostCommand(file: string): Command {
  return isCompiled ? compiledProgram('onescan-plugin-host') : onNode(file)
}

/**
 * The same for one message alone; `timeout` is SCANTIMEOUT in milliseconds.
 *
 * The shell does nothing but set a limit of processor time and exec: should we
 * be killed ourselves, nobody is left to end a plugin in a busy loop.
 */
export function limitedTo(timeout: number, command: Command): Command {
  const seconds = Math.ceil(timeout / 1000 + 5) * availableParallelism()
  return ['/bin/sh', '-c', 'ulimit -t "$0" 2>/dev/null; exec "$@"', String(seconds), ...command]
}

/** Without the runtime's own warnings, which would bury the log. */
function onNode(file: string): Command {
  const options = ['--no-warnings']
  const mustStrip = extname(file) === '.ts' && !process.features.typescript
  if (mustStrip && process.allowedNodeEnvironmentFlags.has(STRIP_TYPES)) options.push(STRIP_TYPES)
  return [process.execPath, ...options, program]
}
