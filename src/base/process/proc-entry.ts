import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { attempt } from '../errors/fault.ts'

/** proc(5) of this host. */
const PROCESSES = '/proc'
/** Milliseconds of one unit of /proc/PID/stat: USER_HZ is 100 on all systems that onescan runs on. */
const TICK = 10

/** The field numbers of proc_pid_stat(5). */
const STATE = 3
const USER_TIME = 14
const SYSTEM_TIME = 15
const START_TIME = 22

/**
 * Milliseconds. A file changed up to this long after the start of a process counts as older than the process:
 * the kernel reports its boot time in whole seconds (btime, proc_stat(5)).
 */
export const START_BLUR = 2000

/** The state of the main thread of a process, as proc(5) has it. */
interface ProcessStat {
  /** One letter: R, S, D, Z, T (stopped), t (traced) … */
  readonly state: string
  /** Milliseconds of processor time that it has used, in user mode and in the kernel. */
  readonly used: number
}

/** The identity of a process: /proc/PID/status, proc(5). */
export interface ProcessStatus {
  readonly name: string
  readonly uid: number
  /** The group for new files, then all others. */
  readonly groups: readonly number[]
  readonly parent: string
}

/** A process as proc(5) describes it. The process may have ended. */
export class ProcEntry {
  readonly pid: string
  readonly #processes: string

  /** `processes` is proc(5) of this host, unless a test has another one. */
  constructor(pid: string | number, processes = PROCESSES) {
    this.pid = String(pid)
    this.#processes = processes
  }

  /** All processes that the kernel shows us. */
  static all(processes = PROCESSES): ProcEntry[] {
    const pids = readdirSync(processes).filter((name) => /^\d+$/.test(name))
    return pids.map((pid) => new ProcEntry(pid, processes))
  }

  /** The path of one of its files in proc(5). */
  at(name: string): string {
    return join(this.#processes, this.pid, name)
  }

  /**
   * Returns the PID namespace, or undefined if it is hidden. A container has its own. A service of this host
   * has not, whatever else its unit hides from it.
   */
  numbers(): string | undefined {
    return attempt(() => readlinkSync(this.at('ns/pid')))
  }

  /**
   * Returns whether the process is more restricted than a process that this one starts under the same
   * account. Its system calls may be filtered, it may have an AppArmor profile, or files or the network may
   * be hidden from it. A process chooses its own name and arguments, but not these properties.
   */
  isConfined(): boolean {
    const self = new ProcEntry('self', this.#processes)
    const differs = (read: (found: ProcEntry) => string | undefined) =>
      attempt(() => read(this)) !== attempt(() => read(self))
    const text = (found: ProcEntry, name: string) => readFileSync(found.at(name), 'latin1')
    return (
      ['mnt', 'net', 'user'].some((kind) =>
        differs((found) => readlinkSync(found.at(`ns/${kind}`))),
      ) ||
      differs((found) => text(found, 'attr/current')) ||
      differs((found) => /^Seccomp:.*$/m.exec(text(found, 'status'))?.[0])
    )
  }

  /**
   * Its state. Undefined if it has ended, or the kernel hides it from us. Other threads, of the compiler and the collector of
   * memory, run beside a main thread that waits for the processor.
   */
  stat(): ProcessStat | undefined {
    const field = attempt(() => this.#fields(`task/${this.pid}/stat`))
    return (
      field && {
        state: field(STATE),
        used: (Number(field(USER_TIME)) + Number(field(SYSTEM_TIME))) * TICK,
      }
    )
  }

  /** Returns its start time in milliseconds since 1970, by the current wall clock. Throws if it has ended. */
  startedAt(): number {
    const stat = readFileSync(join(this.#processes, 'stat'), 'latin1')
    const [, boot] = /^btime (\d+)$/m.exec(stat) ?? []
    return Number(boot) * 1000 + this.ticksAtStart() * TICK
  }

  /**
   * Returns its start time in ticks since the start of the kernel. No other process has had its number since
   * then, whatever the wall clock was set to. Throws if it has ended.
   */
  ticksAtStart(): number {
    return Number(this.#fields()(START_TIME))
  }

  /**
   * Returns the identity of the process, or undefined if it has ended. Also undefined if its real, effective
   * and saved user differ: a set-uid program does not belong to its caller alone. proc(5) escapes line ends
   * in the name.
   */
  status(): ProcessStatus | undefined {
    const text = attempt(() => readFileSync(this.at('status'), 'latin1'))
    if (text === undefined) return undefined
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

  /** The field of each number, from STATE on. Throws if the process has ended, or is hidden. */
  #fields(file = 'stat'): (field: number) => string {
    const stat = readFileSync(this.at(file), 'latin1')
    // The name of the program, field 2, is in parentheses, and may contain any byte.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (field) => fields[field - STATE]!
  }
}
