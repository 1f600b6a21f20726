import type { Configuration } from '../shared/configuration.ts'
import { type Judging, startJudging } from '../shared/judging.ts'
import type { MemoryLease } from '../shared/memory.ts'
import { createIntake, type Intake } from './intake.ts'

/** How one message is received and judged. */
export type Receiving =
  | Extract<Judging, { kind: 'pass' }>
  | (Extract<Judging, { kind: 'judge' }> & { readonly intake: Intake })

export function startReceiving(configuration: Configuration, lease: MemoryLease): Receiving {
  const judging = startJudging(configuration)
  return judging.kind === 'pass'
    ? judging
    : { ...judging, intake: createIntake(judging.look, lease) }
}
