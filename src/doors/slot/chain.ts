import { statSync } from 'node:fs'
import { join } from 'node:path'
import { errorTextAt, Fault } from '../../lib/errors/fault.ts'
import { checkExecutable, findProgram } from '../../lib/process/execute.ts'
import type { Environment } from '../../lib/settings/settings.ts'
import { splitWords } from '../../lib/settings/table/values.ts'
import type { ControlDirectories } from '../../scan/judge/config.ts'

/** The program that gets the message next, and the arguments of that program. */
export interface Chain {
  readonly program: string
  readonly args: readonly string[]
}

/**
 * Returns the next program: that of the arguments, or of QUEUECHAIN, or the real qmail-queue. A
 * name without a slash is looked up in PATH.
 */
export function findChain(
  args: readonly string[],
  env: Environment,
  directories: ControlDirectories,
): Chain {
  const argv = args.length > 0 ? args : splitWords(env.QUEUECHAIN ?? '', 'QUEUECHAIN')
  const [name = join(directories.qmailHome, 'bin/qmail-queue'), ...rest] = argv
  if (name.startsWith('-')) {
    throw new Fault(
      'config',
      `${name}: is not a program; onescan-queue takes the next one and no options`,
    )
  }
  return { program: findProgram(name, env.PATH ?? ''), args: rest }
}

/**
 * Throws a Fault of kind `chain` if the program cannot be executed, or is this very program, which
 * would call itself for ever. This is checked before the exec, because a runtime whose exec fails
 * can only abort.
 */
export function checkChain({ program }: Chain, self: string): void {
  const mustBe = 'set QUEUECHAIN to the real qmail-queue'
  try {
    checkExecutable(program)
    const status = statSync(program)
    const own = statSync(self)
    if (status.dev === own.dev && status.ino === own.ino) {
      throw new Error('is onescan-queue itself')
    }
  } catch (error) {
    const why = errorTextAt(program, error)
    throw new Fault('chain', `next program ${program || '""'}: ${why}; ${mustBe}`, error)
  }
}
