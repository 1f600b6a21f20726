import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { attempt } from '../errors/fault.ts'

/** proc(5) of this host. */
export const PROCESSES = '/proc'

/** The state of a process, as proc(5) has it. */
interface ProcessStat {
  /** One letter: R, S, D, Z, T (stopped), t (traced) … */
  readonly state: string
  /** Milliseconds of processor time that the process has used, in user mode and in the kernel. */
  readonly used: number
}

/**
 * Milliseconds of one unit of /proc/PID/stat: USER_HZ is 100 on all systems that onescan runs on.
 */
const TICK = 10

/** The numbers that proc_pid_stat(5) gives to fields. */
const STATE = 3
const USER_TIME = 14
const SYSTEM_TIME = 15
const START_TIME = 22

/** Reads the field of each number, from STATE on, of a process. Throws if it does not exist, or is hidden. */
function statOf(processes: string, pid: string): (field: number) => string {
  const stat = readFileSync(join(processes, pid, 'stat'), 'latin1')
  // The name of the program, field 2, stands in parentheses, and may hold any byte.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (field) => fields[field - STATE]!
}

/** Reads the state of a process. Undefined if it does not exist, or the kernel hides it from us. */
export function processStat(pid: number): ProcessStat | undefined {
  const field = attempt(() => statOf(PROCESSES, String(pid)))
  return (
    field && {
      state: field(STATE),
      used: (Number(field(USER_TIME)) + Number(field(SYSTEM_TIME))) * TICK,
    }
  )
}

/** Milliseconds. A file that was changed less than that after a start counts as older: btime is whole seconds. */
export const START_BLUR = 2000

/**
 * When a process was started, in milliseconds since 1970, by the wall clock as it is set now. Throws if it
 * has ended.
 */
export function startOf(processes: string, pid: string): number {
  const stat = readFileSync(join(processes, 'stat'), 'latin1')
  const [, boot] = /^btime (\d+)$/m.exec(stat) ?? []
  return Number(boot) * 1000 + ticksAtStart(processes, pid) * TICK
}

/**
 * When a process was started, in ticks since the kernel was. No other process has had its number since
 * then, whatever the wall clock was set to. Throws if it has ended.
 */
export function ticksAtStart(processes: string, pid: string): number {
  return Number(statOf(processes, pid)(START_TIME))
}

/** Who a process is: /proc/PID/status, proc(5). */
export interface ProcessStatus {
  readonly name: string
  readonly uid: number
  /** The group for new files, then all others. */
  readonly groups: readonly number[]
  readonly parent: string
}

/**
 * Reads who a process is. Undefined if it has ended, or if its real, effective and saved user differ: a
 * set-uid program does not belong to its caller alone. proc(5) escapes line ends in the name.
 */
export function statusOf(processes: string, pid: string): ProcessStatus | undefined {
  let text: string
  try {
    text = readFileSync(join(processes, pid, 'status'), 'latin1')
  } catch {
    return undefined
  }
  const line = (name: string) => new RegExp(`^${name}:\t(.*)$`, 'm').exec(text)?.[1]
  const uids = line('Uid')?.split('\t').slice(0, 3).map(Number)
  const gids = line('Gid')?.split('\t').map(Number)
  if (uids === undefined || gids === undefined || new Set(uids).size > 1) return undefined
  const others = (line('Groups') ?? '').split(' ').filter(Boolean).map(Number)
  return {
    name: line('Name') ?? '',
    uid: uids[0]!,
    groups: [...new Set([gids[1]!, ...others])],
    parent: line('PPid') ?? '0',
  }
}
