import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import { compiledProgram, isCompiled } from '../../ground/runtime/compiled-program.ts'
import { CODE_SETTING, RENEWED_AFTER } from '../plugin-host/own-limits.ts'

/** Beside the bundle, or in the source tree where tests run from there. */
const program = import.meta.filename.endsWith('.ts')
  ? join(import.meta.dirname, '..', 'plugin-host', 'main.ts')
  : join(import.meta.dirname, 'plugin-host.cjs')

/** Between 22.6 and 22.18 Node loads TypeScript only when it is told to. */
const STRIP_TYPES = '--experimental-strip-types'

export type HostCommand = readonly [string, ...string[]]

/** How to run the host for the plugin `file`, on the runtime that runs us. */
export function hostCommand(file: string): HostCommand {
  return isCompiled ? compiledProgram('onescan-plugin-host') : onNode(file)
}

/**
 * KiB of data, ulimit(1p) -d. Of that a plugin has 450 MB on Node and 250 MB compiled: the
 * runtimes take the rest for themselves. (A limit of address space they could not bear.)
 */
const MEMORY = 1024 * 1024

/**
 * Under a limit of data the compiled runtime starts without its compiler of JavaScript: it is fifteen
 * times slower, and cannot call C. With this setting it reserves less memory for compiled code, and has both.
 */
const ROOM_FOR_CODE = isCompiled ? `export ${CODE_SETTING}=134217728; ` : ''

/**
 * The same with limits, for a process that is asked about one message, or about one after the
 * other; `timeout` is SCANTIMEOUT in milliseconds. One that is kept ends by itself before it
 * has used more than RENEWED_AFTER (../plugin-host/own-limits.ts), so that each message
 * has as much processor time as it has alone.
 *
 * The shell does nothing but set limits and exec. Whatever a plugin starts has them, too. The limit
 * of processor time ends a busy loop that is left behind if onescan itself is killed.
 */
export function limitedTo(
  timeout: number,
  asked: 'once' | 'kept',
  command: HostCommand,
): HostCommand {
  const forOne = Math.ceil(timeout / 1000 + 5) * availableParallelism()
  const seconds = asked === 'once' ? forOne : RENEWED_AFTER + forOne
  const limits = `ulimit -t ${seconds}; ulimit -d ${MEMORY}`
  const script = `{ ${limits}; } 2>/dev/null; ${ROOM_FOR_CODE}exec "$@"`
  return ['/bin/sh', '-c', script, 'sh', ...command]
}

/** Without the runtime's own warnings, which would bury the log. */
function onNode(file: string): HostCommand {
  const options = ['--no-warnings']
  const mustStrip = extname(file) === '.ts' && !process.features.typescript
  if (mustStrip && process.allowedNodeEnvironmentFlags.has(STRIP_TYPES)) options.push(STRIP_TYPES)
  return [process.execPath, ...options, program]
}
