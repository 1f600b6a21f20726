import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { errorText } from '../../ground/errors/fault.ts'
import type { TcpSockets } from '../../ground/net/tcp-sockets.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import type { ServerProgram } from '../shared/server-program.ts'
import type { Visit } from './visit.ts'

/** How a program ended, and whether its client behaved like a mail server meanwhile. */
export interface ProgramEnd {
  /** What went wrong with the program itself; undefined if it ended normally. */
  readonly trouble: string | undefined
  readonly hasBehaved: boolean
}

/** Bytes that EHLO and MAIL take at least: `EHLO a`, `MAIL FROM:<>`, each with its line end. */
export const BYTES_MIN = 22
/** They cannot come in one piece, since MAIL waits for the answer to EHLO. */
export const SEGMENTS_MIN = 2

/**
 * Starts the program with the connection as its fd 0 and 1, as tcpserver(1) does: blocking, and
 * with no signal ignored. Undefined if it could not be started: then the connection is still ours,
 * and `why` has been logged. Our descriptor is closed as soon as the program has its own, or, if
 * `isWatched`, when the program ends: until then the kernel counts what the client sends
 * (TCP_INFO), and no byte of it is looked at.
 */
export function startProgram(
  { program, args }: ServerProgram,
  visit: Visit,
  environment: Environment,
  { sockets, isWatched }: { readonly sockets: TcpSockets; readonly isWatched: boolean },
): { readonly pid: number; readonly ended: Promise<ProgramEnd> } | { readonly why: string } {
  let child: ChildProcess
  let why = 'cannot be started'
  try {
    const env = environment as NodeJS.ProcessEnv
    child = spawn(program, args, { stdio: [visit.fd, visit.fd, 2], env, argv0: program })
    child.once('error', () => {}) // without a process id it is told below
  } catch (error) {
    why = errorText(error)
    return { why: `${program}: ${why}` }
  }
  const { pid } = child
  if (pid === undefined)
    return { why: `${program}: ${why}; is it there, and are there processes left?` }
  if (!isWatched) visit.close()
  return { pid, ended: endOf(child) }

  async function endOf(started: ChildProcess): Promise<ProgramEnd> {
    const [code, signal] = (await once(started, 'exit')) as [number | null, string | null]
    const counted = isWatched ? sockets.received(visit.fd) : undefined
    visit.close()
    const hasSpoken =
      counted !== undefined && counted.bytes >= BYTES_MIN && counted.segments >= SEGMENTS_MIN
    return {
      trouble: signal === null ? undefined : `${program}: ended by ${signal}`,
      hasBehaved: hasSpoken && code === 0,
    }
  }
}
