import { readFileSync } from 'node:fs'
import { treeOf } from './daemon-memory.ts'

/** Milliseconds of a tick (times(2), USER_HZ). */
const TICK = 10

/** Milliseconds of processor time that processes and their descendants have used up to now. */
export function cpuOfServers(pids: readonly number[]): number {
  return pids.flatMap(treeOf).reduce((sum, pid) => sum + ticksOf(pid) * TICK, 0)
}

/** utime and stime, fields 14 and 15 of proc(5) stat: all threads, those that ended included. */
function ticksOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11]) + Number(fields[12])
}
