import { replaceProcess } from '../../ground/process/replace-process.ts'
import type { Libc } from '../../ground/runtime/libc.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { IGNORED, type ServerProgram } from '../shared/server-program.ts'

/** SIGPIPE and SIGXFSZ, which both runtimes ignore for themselves. */
const RUNTIME_IGNORES = [13, 25]

/**
 * Becomes the server program, which gets the connection, the environment and the ignored signals
 * as this process got them. If `rblsmtpd` is given, the program gets it in RBLSMTPD.
 */
export function becomeNext(
  next: ServerProgram,
  env: Environment,
  libc: Libc | undefined,
  rblsmtpd?: string,
): never {
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
