import { availableParallelism } from 'node:os'
import { extname, join } from 'node:path'
import { compiledProgram, isCompiled } from '../../../ground/runtime/compiled-program.ts'
import { CODE_SETTING, RENEWED_AFTER } from '../plugin-host/own-limits.ts'

/** The host's bundle: beside this one, or in dist/ if tests run from the source tree. */
const bundles = import.meta.filename.endsWith('.ts') ? '../../../../dist' : ''
const program = join(import.meta.dirname, bundles, 'plugin-host.cjs')

/** Node before 22.18 needs this option to load TypeScript. */
const STRIP_TYPES = '--experimental-strip-types'

/**
 * KiB of data (ulimit(1p) -d). A plugin can use 450 MB of it on Node and 250 MB compiled; the runtime
 * needs the rest. (With a limit of address space the runtimes do not start.)
 */
const MEMORY = 1024 * 1024

/** KiB of the stack of a plugin in C: the default of a C program, if the caller's is smaller. */
const STACK = 8 * 1024

/**
 * Sets how much memory the compiled runtime reserves for machine code. Without it the limit of data
 * would make the runtime start without its JIT compiler: fifteen times slower.
 */
const ROOM_FOR_CODE = isCompiled ? `export ${CODE_SETTING}=134217728; ` : ''

/**
 * Waits for the end of descriptor 4, and then kills the process group. Whoever started the host holds the
 * other end and writes nothing, so that is when he has ended, in whatever way: a plugin in a busy loop
 * notices nothing by itself. The signals of the deadline do not end this shell, and it is no child of the
 * host, since a plugin may wait for all of its children.
 */
const WATCHDOG = `(trap '' HUP INT TERM; { read -r line <&4; kill -s KILL 0; } 3>&- 2>/dev/null &)`

/**
 * Returns the command that runs the host for the plugin `file`, on the runtime of this process and under
 * limits. `timeout` is SCANTIMEOUT in milliseconds. A process is renewed before it has used more than
 * RENEWED_AFTER (../plugin-host/own-limits.ts), so that each message has as much processor time as it
 * would have alone.
 *
 * Start it as the leader of a process group, with requests on descriptor 3 and a pipe as descriptor 4.
 * The shell starts the watchdog, sets the limits and execs. All that a plugin starts inherits them.
 */
export function hostCommand(file: string, timeout: number): readonly [string, ...string[]] {
  const forOne = Math.ceil(timeout / 1000 + 5) * availableParallelism()
  const limits = `ulimit -t ${RENEWED_AFTER + forOne}; ulimit -d ${MEMORY}; ulimit -S -s ${STACK}`
  const script = `${WATCHDOG}; { ${limits}; } 2>/dev/null; ${ROOM_FOR_CODE}exec "$@" 4<&-`
  const host = isCompiled ? compiledProgram('onescan-plugin-host') : onNode(file)
  return ['/bin/sh', '-c', script, 'sh', ...host]
}

/** The host on Node, without the runtime's own warnings, which would flood the log. */
function onNode(file: string): readonly string[] {
  const options = ['--no-warnings']
  if (extname(file) === '.ts' && !process.features.typescript) options.push(STRIP_TYPES)
  return [process.execPath, ...options, program]
}
