import { readFileSync } from 'node:fs'
import { treeOf } from './daemon-memory.ts'

/** Milliseconds of a tick (times(2), USER_HZ). */
const TICK = 10

/** Milliseconds of processor time that processes and their descendants have used up to now. */
export function cpuOfServers(pids: readonly number[]): number {
  return pids.flatMap(treeOf).reduce((sum, pid) => sum + ticksOf(pid) * TICK, 0)
}

/**
 * utime, stime, cutime and cstime, fields 14 to 17 of proc(5) stat: of all threads, and of all
 * children that ended and were waited for.
 */
function ticksOf(pid: number): number {
  const fields = statOf(pid)
  return [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field] ?? 0), 0)
}

/** From the third one on; none of a process that has ended meanwhile. */
function statOf(pid: number): readonly string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}
