import { join } from 'node:path'
import { cpuOfTree } from '../../test/programs/host/process-tree.ts'
import { compiled } from './compile.ts'
import type { Contestant } from './contestants.ts'
import { drive, takeLog } from './drive.ts'
import type { Form } from './letters.ts'
import type { Workshop } from './workshop.ts'

/** A contestant with the servers that work for it. */
export interface Lane {
  readonly contestant: Contestant
  readonly environment: Readonly<Record<string, string>>
  readonly clamd: number
  readonly onescand: number | undefined
}

/** Milliseconds of processor time. */
export interface ProcessorTime {
  readonly onescand: number
  readonly clamd: number
  /** The wrapper and the chain behind it. */
  readonly wrapper: number
}

/** One turn of a contestant with mail of one form. */
export interface Turn {
  readonly contestant: string
  readonly form: string
  readonly database: string
  readonly atOnce: number
  /** Of each message. */
  readonly ms: readonly number[]
  /** Of all of them together. */
  readonly seconds: number
  readonly processor: ProcessorTime
  /** Messages that the thin client handed to the standalone program. */
  readonly standalone: number
  /** What went wrong with messages, in a line; '' if all were queued once and whole. */
  readonly trouble: string
}

/** Sends messages that nobody has seen, which are made and written before the clock runs. */
export async function measure(
  { contestant, environment, clamd, onescand }: Lane,
  form: Form,
  { count, atOnce, database }: { count: number; atOnce: number; database: string },
  workshop: Workshop,
): Promise<Turn> {
  const log = join(workshop.directory, 'log')
  const messages = workshop.write(Array.from({ length: count }, (_, serial) => form.make(serial)))
  const used = () => ({
    onescand: onescand === undefined ? 0 : cpuOfTree(onescand),
    clamd: cpuOfTree(clamd),
  })
  const before = used()
  const { passages, tally, sound } = await drive({
    program: contestant.program(compiled('sink')),
    messages,
    count,
    atOnce,
    environment: { ...environment, QUEUECHAIN: compiled('sink') },
    log,
    queue: workshop.queue,
  })
  const after = used()
  const codes = [...new Set(passages.map(({ code }) => code).filter((code) => code !== 0))]
  return {
    contestant: contestant.name,
    form: form.name,
    database,
    atOnce,
    ms: passages.map(({ ms }) => ms),
    seconds: tally.seconds,
    processor: {
      onescand: after.onescand - before.onescand,
      clamd: after.clamd - before.clamd,
      wrapper: passages.reduce((sum, { cpu }) => sum + cpu, 0),
    },
    standalone: takeLog(log).standalone,
    trouble: sound ? '' : `exit codes ${codes.join(', ') || 'all 0'}; ${JSON.stringify(tally)}`,
  }
}
