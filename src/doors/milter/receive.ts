import type { Configuration } from '../shared/configuration.ts'
import { type Judging, startJudging } from '../shared/judging.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'
import { createMilterIntake, type MilterIntake } from './intake.ts'

/** The way in which a message is judged, and the intake of its parts until then. */
export type MessageReception =
  | Extract<Judging, { kind: 'pass' }>
  | (Extract<Judging, { kind: 'judge' }> & { readonly intake: MilterIntake })

/**
 * Begins to receive a message by the configuration of this moment. Throws as createMilterIntake()
 * does.
 */
export function startReceiving(configuration: Configuration, lease: MemoryLease): MessageReception {
  const judging = startJudging(configuration)
  return judging.kind === 'pass'
    ? judging
    : { ...judging, intake: createMilterIntake(judging.messageOptions, lease) }
}
