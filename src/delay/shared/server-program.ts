import { errorText, Fault } from '../../ground/errors/fault.ts'
import { checkExecutable, findProgram } from '../../ground/process/execute.ts'
import type { Environment } from '../../ground/settings/settings.ts'

/**
 * The variable in which the launcher passes on the signals that were ignored before the runtime
 * started, in the form of SigIgn in proc(5).
 */
export const IGNORED = 'SMTPDELAY_SIGIGN'

export interface ServerProgram {
  readonly program: string
  readonly args: readonly string[]
}

/**
 * Finds the program that gets the clients, in PATH if need be. Throws a Fault if it cannot be
 * executed, so that this is known before a client has waited.
 */
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
