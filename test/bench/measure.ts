import { join } from 'node:path'
import type { Cell } from './cells.ts'
import type { Contestant } from './contestants.ts'
import { drive } from './drive.ts'
import type { Field } from './field.ts'
import { type LogFile, takeLog } from './log-file.ts'
import { cpuOfServers } from './server-cpu.ts'

/** One turn of a contestant in a cell. */
export interface Measurement extends LogFile {
  readonly contestant: string
  readonly kind: Cell['kind']
  readonly size: string
  readonly atOnce: number
  readonly round: number
  /** Of each message. */
  readonly ms: readonly number[]
  /** Of all of them together. */
  readonly seconds: number
  /** Milliseconds of processor time for all of them, in wrappers, chain and servers. */
  readonly cpu: number
  /** KiB: the largest process of any of them. */
  readonly rss: number
  /** What went wrong with messages, in a line; '' where all were queued once and whole. */
  readonly trouble: string
}

/** Where a contestant does its work. */
export interface Lane {
  readonly contestant: Contestant
  readonly environment: Readonly<Record<string, string>>
  /** Processes that work for the wrapper: clamd, onescand. */
  readonly servers: readonly number[]
}

export async function measure(
  { contestant, environment, servers }: Lane,
  cell: Cell,
  round: number,
  field: Field,
): Promise<Measurement> {
  const log = join(field.directory, 'log')
  const before = cpuOfServers(servers)
  const { passages, tally, sound } = await drive({
    program: contestant.program(field),
    messages: [field.message(cell.kind, cell.size)],
    count: cell.messages,
    atOnce: cell.atOnce,
    environment: { ...environment, QUEUECHAIN: field.chain },
    log,
    ...(field.queue === undefined ? { toNobody: true } : { queue: field.queue }),
  })
  const codes = [...new Set(passages.map(({ code }) => code).filter((code) => code !== 0))]
  return {
    contestant: contestant.name,
    kind: cell.kind,
    size: cell.size.name,
    atOnce: cell.atOnce,
    round,
    ms: passages.map(({ ms }) => ms),
    seconds: tally.seconds,
    cpu: passages.reduce((sum, { cpu }) => sum + cpu, cpuOfServers(servers) - before),
    rss: Math.max(...passages.map(({ rss }) => rss)),
    ...takeLog(log),
    trouble: sound ? '' : `exit codes ${codes.join(', ') || 'all 0'}; ${JSON.stringify(tally)}`,
  }
}
