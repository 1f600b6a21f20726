import { errorCode } from '../../ground/errors/fault.ts'
import { PROCESSES, ticksAtStart } from '../../ground/process/process-stat.ts'

/**
 * Whether the process that took a message still runs: that of this number which was `started` then, in
 * ticks (ticksAtStart()). Any other one only has the same number.
 */
export function isAlive(pid: number, started: number | undefined): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (errorCode(error) !== 'EPERM') return false
  }
  try {
    return started === undefined || ticksAtStart(PROCESSES, String(pid)) === started
  } catch {
    return true // proc(5) is not there
  }
}
