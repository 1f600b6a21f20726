import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { compiledProgram, isCompiled } from '../../../ground/runtime/compiled-program.ts'
import type { Host, MemoryLimits } from '../shared/host.ts'
import { reachesOnescand } from './onescanc.ts'

const run = promisify(execFile)
/** Milliseconds for the start of a runtime. A host that needs longer has other problems. */
const PATIENCE = 20_000
const GIB = 1024 ** 3

/** A runtime, and the command by which its start is tried. */
interface RuntimeTrial {
  readonly name: string
  readonly command: readonly string[]
  /** The bytes of address space below which the runtime starts only by luck. */
  readonly safe: number
  readonly remedy: string
}

const node: RuntimeTrial = {
  name: 'node',
  command: ['/usr/bin/env', 'node', '-e', '0'],
  safe: 4_000_000_000,
  remedy:
    'set 4 GB by "softlimit -a 4000000000" in the run script; -m would set the stack, too, ' +
    'and each thread of node takes a stack of that size',
}

const compiled: RuntimeTrial = {
  name: 'the compiled runtime',
  command: [...compiledProgram('onescan'), '--version'],
  safe: GIB,
  remedy: 'set 1 GiB by "softlimit -a 1073741824" in the run script',
}

/** The command under soft limits, by prlimit(1) of util-linux. */
export function underLimits(limits: MemoryLimits, command: readonly string[]): string[] {
  const options = [
    ['as', limits.addressSpace],
    ['data', limits.data],
    ['stack', limits.stack],
  ] as const
  const words = options.flatMap(([name, bytes]) =>
    bytes === undefined ? [] : [`--${name}=${bytes}:`],
  )
  return words.length === 0 ? [...command] : ['/usr/bin/prlimit', ...words, '--', ...command]
}

/** Checks the runtime that the slot would find: its version, and whether it starts under the service's limits. */
export async function checkRuntime(host: Host): Promise<Finding[]> {
  const found = await versionOf(host)
  return found.level === 'error' ? [found] : [found, await checkLimits(host)]
}

/**
 * Checks the version of the runtime: our own one if onescan is compiled, since the slot is compiled
 * then, too; otherwise the one that the slot's launcher finds in PATH.
 */
async function versionOf({ env }: Host): Promise<Finding> {
  const what = 'runtime'
  if (isCompiled) return ok(what, `compiled, with Bun ${process.versions.bun}`)
  let version: string
  try {
    const { stdout } = await run('/usr/bin/env', ['node', '--version'], {
      env: env.PATH === undefined ? {} : { PATH: env.PATH },
      timeout: PATIENCE,
    })
    version = stdout.trim()
  } catch {
    const value = `no node in PATH ${env.PATH ?? '(not set)'}`
    return error(what, value, "mail is deferred; add node's directory to PATH in the run script")
  }
  return judgeVersion(version)
}

export function judgeVersion(version: string): Finding {
  const [major = 0, minor = 0] = (/^v(\d+)\.(\d+)\./.exec(version) ?? []).slice(1).map(Number)
  if (major > 22 || (major === 22 && minor >= 15)) return ok('runtime', `node ${version}`)
  return error('runtime', `node ${version}`, 'Node 22.15 is the oldest that works')
}

/** Starts the runtime under the limits: each version of a runtime needs another amount of memory. */
async function checkLimits(host: Host): Promise<Finding> {
  const { env, limits } = host
  const what = 'memory limits'
  const trial = isCompiled ? compiled : node
  const [command, ...args] = underLimits(limits, trial.command)
  const value = limitsText(limits)
  try {
    await run(command!, args, {
      env: env.PATH === undefined ? {} : { PATH: env.PATH },
      timeout: PATIENCE,
    })
  } catch (thrown) {
    const why = errorText(thrown)
      .replace(/^Command failed:.*? (-e 0|--version)\s*/s, '')
      .slice(0, 100)
    const text = `${value}: ${trial.name} cannot start`
    if (await reachesOnescand(host)) {
      const meanwhile = 'onescand scans mail, but while it cannot answer, mail is deferred'
      return warning(what, `${text}: ${meanwhile}`, trial.remedy)
    }
    return error(what, `${text} ("qq crashed")${why && `: ${why}`}`, trial.remedy)
  }
  const least = Math.min(limits.addressSpace ?? Infinity, limits.data ?? Infinity)
  if (least >= trial.safe) return ok(what, value)
  return warning(what, `${value}: ${trial.name} just starts`, trial.remedy)
}

function limitsText({ addressSpace, data, stack }: MemoryLimits): string {
  const parts = []
  if (addressSpace !== undefined) parts.push(`${addressSpace} bytes of address space`)
  if (data !== undefined) parts.push(`${data} bytes of data`)
  if (stack !== undefined) parts.push(`${stack} bytes of stack`)
  return parts.join(', ') || 'none'
}
