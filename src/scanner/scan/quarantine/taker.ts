import { attempt } from '../../../base/errors/fault.ts'
import { ProcEntry } from '../../../base/process/proc-entry.ts'

/** A process that works on a message or a request: no other one has its number and start time until the host starts again. */
export interface TakingProcess {
  readonly pid: number
  /** In ticks since the start of the kernel. */
  readonly started: number
}

export const ownTaker = (): TakingProcess => ({
  pid: process.pid,
  started: new ProcEntry('self').ticksAtStart(),
})

export const takerText = ({ pid, started }: TakingProcess): string => `${pid}-${started}`

/** Whether a process still runs: that of this number which was started then. */
export const stillRuns = ({ pid, started }: TakingProcess): boolean =>
  attempt(() => new ProcEntry(pid).ticksAtStart()) === started
