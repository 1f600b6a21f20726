import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { errorText } from '../../base/errors/fault.ts'
import type { Environment } from '../../base/process/environment.ts'
import type { System } from '../../base/runtime/system.ts'
import type { ServerProgram } from '../options/ucspi.ts'
import type { GateConnection } from './gate-connection.ts'

/** How a program ended, and whether its client behaved like a mail server. */
interface ProgramEnd {
  /** The signal that ended the program, as text, or undefined if it exited. */
  readonly trouble: string | undefined
  readonly hasBehaved: boolean
}

/** Least bytes of a dialogue: `EHLO a`, `MAIL FROM:<>` and `QUIT`, each with its line end. */
const BYTES_MIN = 28
/** Minimum number of these segments: a mail server waits for the reply to each. */
const SEGMENTS_IN_MIN = 3
/** Lower limit for the segments of the greeting and of these replies. */
const SEGMENTS_OUT_MIN = 4

/**
 * Starts the program with the connection as its fd 0 and 1, as tcpserver(1) does: blocking, and with no
 * signal ignored. Returns `reason` if it cannot be started. The connection is still open then. Otherwise the
 * gate's descriptor is closed when the program ends: until then the kernel counts the bytes of the connection
 * (TCP_INFO), and the gate reads none of them. (runProgram() would read what the program writes.)
 */
export function startProgram(
  { program, args }: ServerProgram,
  connection: GateConnection,
  environment: Environment,
  system: System,
): { readonly pid: number; readonly ended: Promise<ProgramEnd> } | { readonly reason: string } {
  let child: ChildProcess
  try {
    const env = { ...environment }
    child = spawn(program, args, { stdio: [connection.fd, connection.fd, 2], env, argv0: program })
    child.once('error', () => {}) // there is no process id then, which is looked at below
  } catch (error) {
    return { reason: `${program}: ${errorText(error)}` }
  }
  const { pid } = child
  if (pid === undefined) {
    const reason = 'cannot be started; check that it exists, and the limit of processes'
    return { reason: `${program}: ${reason}` }
  }
  return { pid, ended: endOf(child) }

  async function endOf(started: ChildProcess): Promise<ProgramEnd> {
    const [code, signal] = (await once(started, 'exit')) as [number | null, string | null]
    const counted = system.tcpInfo(connection.fd)
    connection.close()
    const hasSpoken =
      counted !== undefined &&
      counted.bytes >= BYTES_MIN &&
      counted.segmentsIn >= SEGMENTS_IN_MIN &&
      counted.segmentsOut >= SEGMENTS_OUT_MIN
    return {
      trouble: signal === null ? undefined : `${program}: killed by ${signal}`,
      hasBehaved: hasSpoken && code === 0,
    }
  }
}
