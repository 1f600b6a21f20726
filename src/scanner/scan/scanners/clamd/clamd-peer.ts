import { setTimeout as pause } from 'node:timers/promises'
import { errorCode } from '../../../../base/errors/fault.ts'
import { doubledPause } from '../../../../base/flow/back-off.ts'
import type { System } from '../../../../base/runtime/system.ts'

/**
 * The process at the other end of a unix socket, the one that listens there. It is `unknown` if that is systemd,
 * which keeps the socket of clamd, or a process of another container.
 */
export type ClamdPeer = number | 'unknown'

/** The process that keeps the sockets of services, and starts these. */
const INIT = 1

/** Milliseconds between looks at a process that has closed its connections: the kernel closes them before it ends. */
const PAUSES = { first: 1, longest: 100 }
/** The number of looks, in half a second. */
const LOOKS = 11

/** Returns the process at the other end of a unix socket. */
export function peerAt(socket: number, system: System): ClamdPeer {
  const { pid } = system.peerOf(socket) ?? {}
  // A program that listens, and leaves the socket to a child, has ended already.
  return pid === undefined || pid === INIT || !isRunning(pid) ? 'unknown' : pid
}

/** Resolves to whether a process that has closed its connection ends, too. */
export async function hasEnded(pid: number): Promise<boolean> {
  for (let looks = 0; looks < LOOKS; looks++) {
    if (!isRunning(pid)) return true
    await pause(doubledPause(looks, PAUSES))
  }
  return false
}

/** kill(2): any error but ESRCH is about a process that is there. proc(5) may hide other users' processes. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errorCode(error) !== 'ESRCH'
  }
}
