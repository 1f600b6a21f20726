import type { Configuration } from '../shared/configuration.ts'
import { type Judging, startJudging } from '../shared/judging.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'
import { createMilterIntake, type MilterIntake } from './intake.ts'

/** How one message is received and judged. */
export type MessageReception =
  | Extract<Judging, { kind: 'pass' }>
  | (Extract<Judging, { kind: 'judge' }> & { readonly intake: MilterIntake })

export function startReceiving(configuration: Configuration, lease: MemoryLease): MessageReception {
  const judging = startJudging(configuration)
  return judging.kind === 'pass'
    ? judging
    : { ...judging, intake: createMilterIntake(judging.look, lease) }
}
