import { errorText, Fault } from '../../ground/errors/fault.ts'
import { checkExecutable, findProgram } from '../../ground/process/find-program.ts'
import type { Environment } from '../../ground/settings/settings.ts'

/** Set by the launcher: the signals that were ignored before the runtime started, as SigIgn of proc(5). */
export const IGNORED = 'SMTPDELAY_SIGIGN'

export interface ServerProgram {
  readonly program: string
  readonly args: readonly string[]
}

/** The program that gets the client. Throws a Fault if it cannot be executed: better now than after the wait. */
export function findNext(words: readonly string[], env: Environment): ServerProgram {
  const [name = '', ...args] = words
  const program = findProgram(name, env.PATH ?? '')
  try {
    checkExecutable(program)
  } catch (error) {
    throw new Fault('chain', `${program}: ${errorText(error)}`, error)
  }
  return { program, args }
}
