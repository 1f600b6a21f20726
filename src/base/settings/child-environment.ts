import type { Environment } from '../process/environment.ts'
import type { Setting } from './table/kinds.ts'
import { settingNames, settingTable } from './table.ts'

/**
 * Prefixes of variables that the next program must not receive. A complete name ends in `=`.
 *
 * - QMAILQUEUE would make the next program start this program again.
 * - A next program on the same runtime would obey the runtime's variables.
 *
 * Variables of the dynamic linker (ld.so(8)) never reach the compiled onescan-queue, so other builds remove
 * them as well. The real qmail-queue, which is setuid, never obeyed them.
 */
export const HIDDEN_FROM_NEXT_PROGRAM: readonly string[] = [
  ...keptFrom('next program'),
  'QMAILQUEUE=',
  'NODE_',
  'BUN_',
  'MIMALLOC_',
  'LD_',
]

/**
 * Prefixes of variables that onescan-queue must not receive from onescanc: the runtime and the dynamic linker would
 * obey them. The launchers in bin/ remove those that make it load code.
 */
export const HIDDEN_FROM_STANDALONE: readonly string[] = [
  'BUN_',
  'NODE_OPTIONS=',
  'NODE_PATH=',
  'LD_',
]

const HIDDEN_FROM_SCANNERS = [...HIDDEN_FROM_NEXT_PROGRAM, ...keptFrom('scanners')]

/** The settings that the table does not pass to one of these programs, and their aliases. */
function keptFrom(child: Setting['passedTo'][number]): string[] {
  return settingNames.flatMap((name) => {
    const { passedTo, alias }: Setting = settingTable[name]
    return passedTo.includes(child) ? [] : [name, alias ?? []].flat().map((word) => `${word}=`)
  })
}

/** The variable that counts how often programs of the slot have become the next one, in a row. */
export const DEPTH_VARIABLE = 'ONESCAN_DEPTH'
/** The nesting depth that shows that the next program leads back to onescan. */
export const CHAIN_DEPTH_MAX = 3

export function environmentOfNextProgram(env: Environment): Record<string, string> {
  return { ...without(env, HIDDEN_FROM_NEXT_PROGRAM), [DEPTH_VARIABLE]: `${chainDepth(env) + 1}` }
}

/** Returns how many programs of onescan have executed one another on the way to this one. */
export function chainDepth(env: Environment): number {
  return Number.parseInt(env[DEPTH_VARIABLE] ?? '', 10) || 0
}

/** A home without files: interpreters and libraries obey files in a home, where others may write. */
const NO_HOME = '/nonexistent'

export function scannerEnvironment(env: Environment): Record<string, string> {
  return { ...without(env, HIDDEN_FROM_SCANNERS), HOME: NO_HOME }
}

/**
 * Prefixes of variables of a service that are for its own process alone: systemd.exec(5), Node. A complete name ends in
 * `=`.
 */
const OF_SERVICE = [
  'NOTIFY_SOCKET',
  'LISTEN_',
  'WATCHDOG_',
  'INVOCATION_ID',
  'JOURNAL_STREAM',
  'MAINPID',
  'NODE_',
]

/** Returns the environment for a command of onescan that onescand runs. */
export function environmentOfCommand(env: Environment): Record<string, string> {
  return without(env, OF_SERVICE)
}

function without(env: Environment, beginnings: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) {
    const isHidden = beginnings.some((beginning) => `${name}=`.startsWith(beginning))
    if (value !== undefined && !isHidden) kept[name] = value
  }
  return kept
}
