import { errorTextAt, Fault } from '../../base/errors/fault.ts'
import { type IpAddress, parseIpAddress } from '../../base/net/ip-address.ts'
import type { Environment } from '../../base/process/environment.ts'
import { checkExecutable, findProgram } from '../../base/process/execute.ts'
import { NO_SECONDS, parseSeconds } from './delay-options.ts'

/** The information about a client from the UCSPI server and its rules. */
export interface UcspiClient {
  /** The address as TCPREMOTEIP has it, for the log. */
  readonly ip: string
  readonly address: IpAddress
  /** The name in TCPREMOTEHOST. The server looked it up, and may not have confirmed it. */
  readonly name: string | undefined
  /** Whether RELAYCLIENT is set. */
  readonly mayRelay: boolean
  readonly delay: number | undefined
  /** The fault of SMTPDELAY, which is then ignored. */
  readonly wrong: string | undefined
  /** The existing state of RBLSMTPD. */
  readonly rbl: 'unset' | 'accepted' | 'refused'
}

/** Reads the client from the environment. Throws a Fault if a variable is invalid. */
export function readUcspiClient(env: Environment): UcspiClient {
  const ip = env.TCPREMOTEIP ?? ''
  const address = parseIpAddress(ip)
  if (!address) {
    throw new Fault(
      'config',
      ip === ''
        ? 'TCPREMOTEIP: is not set; run this under tcpserver'
        : `TCPREMOTEIP ${ip}: is not an address; tcpserver sets it`,
    )
  }
  return {
    ip,
    address,
    name: env.TCPREMOTEHOST || undefined,
    mayRelay: env.RELAYCLIENT !== undefined,
    ...readDelay(env.SMTPDELAY),
    rbl: env.RBLSMTPD === undefined ? 'unset' : env.RBLSMTPD === '' ? 'accepted' : 'refused',
  }
}

/** An invalid delay is ignored: a typing error must not cut off clients. */
function readDelay(text: string | undefined): Pick<UcspiClient, 'delay' | 'wrong'> {
  if (text === undefined || text === '') return { delay: undefined, wrong: undefined }
  const delay = parseSeconds(text)
  if (delay !== undefined) return { delay, wrong: undefined }
  const wrong = `SMTPDELAY ${text}: ${NO_SECONDS}; it is ignored`
  return { delay, wrong }
}

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
 * Finds the program that serves the clients, in PATH if necessary. Throws a Fault if it cannot be executed,
 * so that this is known before a client has waited.
 */
export function findNext(argv: readonly string[], env: Environment): ServerProgram {
  const [name = '', ...args] = argv
  const program = findProgram(name, env.PATH ?? '')
  try {
    checkExecutable(program)
  } catch (error) {
    const reason = errorTextAt(program, error)
    const remedy = 'specify a program that this account may execute'
    throw new Fault('next-hop', `${program || '""'}: ${reason}; ${remedy}`, error)
  }
  return { program, args }
}
