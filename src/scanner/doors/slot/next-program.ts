import { statSync } from 'node:fs'
import { join } from 'node:path'
import { errorTextAt, Fault } from '../../../base/errors/fault.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { checkExecutable, findProgram } from '../../../base/process/execute.ts'
import { CHAIN_DEPTH_MAX, chainDepth } from '../../../base/settings/child-environment.ts'
import type { ControlDirectories } from '../../../base/settings/control-directories.ts'
import { splitWords } from '../../../base/text/values.ts'

/** The program that gets the message next, and the arguments of that program. */
export interface SlotNextProgram {
  readonly program: string
  readonly args: readonly string[]
}

/** The remedy of faults of the next program, also in C. */
export const QUEUECHAIN_REMEDY =
  'remove QUEUECHAIN (qmail-queue is the default), or set it to another program that does not call onescan'

/**
 * Returns the next program: that of the arguments, of QUEUECHAIN, or the real qmail-queue. A name without a
 * slash is searched in PATH. Throws a Fault of kind `next-hop` if the next program leads back here, for
 * example a script that calls onescan-queue: the two would execute each other without end.
 */
export function findNextProgram(
  args: readonly string[],
  env: Environment,
  directories: ControlDirectories,
): SlotNextProgram {
  const argv = args.length > 0 ? args : splitWords(env.QUEUECHAIN ?? '', 'QUEUECHAIN')
  const [name = join(directories.qmailHome, 'bin/qmail-queue'), ...rest] = argv
  if (chainDepth(env) >= CHAIN_DEPTH_MAX) {
    throw new Fault('next-hop', `next program ${name}: leads back to onescan; ${QUEUECHAIN_REMEDY}`)
  }
  if (name.startsWith('-')) {
    throw new Fault(
      'config',
      `${name}: is not a program; onescan-queue takes the next program and no options`,
    )
  }
  return { program: findProgram(name, env.PATH ?? ''), args: rest }
}

/**
 * Throws a Fault of kind `next-hop` if the program cannot be executed, or is this very program, which
 * would call itself indefinitely. This is checked before the exec, because a runtime whose exec fails
 * can only abort.
 */
export function requireNextProgram({ program }: SlotNextProgram, self: string): void {
  try {
    checkExecutable(program)
    const status = statSync(program)
    const own = statSync(self)
    if (status.dev === own.dev && status.ino === own.ino) {
      throw new Error('is onescan-queue itself')
    }
  } catch (error) {
    const reason = errorTextAt(program, error)
    throw new Fault(
      'next-hop',
      `next program ${program || '""'}: ${reason}; ${QUEUECHAIN_REMEDY}`,
      error,
    )
  }
}
