import { readFileSync } from 'node:fs'

/** Whether a process has not ended; one that its parent has not asked for has. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'))
  } catch {
    return false
  }
}
