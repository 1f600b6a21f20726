import { errorCode } from '../../ground/errors/fault.ts'
import { PROCESSES, startOf } from '../../ground/process/process-stat.ts'

/** Milliseconds by which proc(5) gives the start of a process too early or too late. */
const INEXACT = 2000

/**
 * Whether the process that took a message at `since`, in unix milliseconds, still runs. A process that
 * was started later only has the same number.
 */
export function isAlive(pid: number, since: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (errorCode(error) !== 'EPERM') return false
  }
  try {
    return startOf(PROCESSES, String(pid)) <= since + INEXACT
  } catch {
    return true // proc(5) is not there
  }
}
