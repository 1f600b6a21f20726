import type { Mutant } from '../../../test/messages/random/mutate.ts'
import type { Judge } from './judge.ts'

/** A message whose file a reader opens and onescan does not find. */
export interface Missed {
  readonly seed: number
  readonly changes: readonly string[]
  readonly readers: readonly string[]
  readonly oddities: readonly string[]
}

export interface FuzzResult {
  /** Those that clamd alone calls clean. */
  readonly cleanToClamd: number
  /** Of these, those that onescan finds. */
  readonly foundByOnescan: number
  readonly missed: readonly Missed[]
}

/** Judges the messages that are made of `count` seeds from `seed` on. */
export async function fuzz(
  judge: Judge,
  make: (seed: number) => Mutant,
  seed: number,
  count: number,
  progress: (done: number) => void = () => {},
): Promise<FuzzResult> {
  let cleanToClamd = 0
  let foundByOnescan = 0
  const missed: Missed[] = []
  for (let at = 0; at < count; at++) {
    const { message, changes } = make(seed + at)
    const { clamd, onescan, readers, oddities } = await judge(message)
    if (!clamd) cleanToClamd++
    if (!clamd && onescan) foundByOnescan++
    if (readers.length > 0) missed.push({ seed: seed + at, changes, readers, oddities })
    progress(at + 1)
  }
  return { cleanToClamd, foundByOnescan, missed }
}
