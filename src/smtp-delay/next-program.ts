import { errorText, Fault } from '../runtime/fault.ts'
import { checkExecutable, findProgram } from '../runtime/find-program.ts'
import type { Libc } from '../runtime/libc.ts'
import { replaceProcess } from '../runtime/replace-process.ts'
import type { Environment } from '../settings/settings.ts'

export interface NextProgram {
  readonly program: string
  readonly args: readonly string[]
}

/** Set by the launcher: the signals that were ignored before the runtime started, as SigIgn of proc(5). */
const IGNORED = 'SMTPDELAY_SIGIGN'

/** What both runtimes ignore for themselves: SIGPIPE and SIGXFSZ. */
const RUNTIME_IGNORES = [13, 25]

/** The program that gets the client. Throws a Fault if it cannot be executed: better now than after the wait. */
export function findNext(words: readonly string[], env: Environment): NextProgram {
  const [name = '', ...args] = words
  const program = findProgram(name, env.PATH ?? '')
  try {
    checkExecutable(program)
  } catch (error) {
    throw new Fault('chain', `${program}: ${errorText(error)}`, error)
  }
  return { program, args }
}

/**
 * Becomes the next program. It gets the connection, the environment and the signals as
 * they came, and RBLSMTPD where there is something to say.
 */
export function becomeNext(
  next: NextProgram,
  env: Environment,
  libc: Libc | undefined,
  rblsmtpd?: string,
): Promise<number> {
  const { [IGNORED]: ignored = '0', ...rest } = env
  const mask = BigInt(/^[0-9a-f]{1,16}$/i.test(ignored) ? `0x${ignored}` : 0)
  for (const signal of RUNTIME_IGNORES) {
    const wasIgnored = (mask >> BigInt(signal - 1)) & 1n
    libc?.setSignal(signal, wasIgnored ? 'ignored' : 'default')
  }
  const environment = rblsmtpd === undefined ? rest : { ...rest, RBLSMTPD: rblsmtpd }
  return replaceProcess({
    ...next,
    environment: environment as Record<string, string>,
    inputs: undefined,
  })
}
