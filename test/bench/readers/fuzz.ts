import { conformingMail } from './conforming.ts'
import type { Judge } from './judge.ts'
import type { Mutant } from './minimise.ts'
import { mutant } from './mutate.ts'

/** A mail whose file a reader opens and onescan does not find. */
export interface Missed {
  readonly seed: number
  readonly changes: readonly string[]
  readonly readers: readonly string[]
  readonly oddities: readonly string[]
}

export interface FuzzResult {
  readonly mails: number
  /** Those that clamd alone calls clean. */
  readonly cleanToClamd: number
  /** Of these, those that onescan finds. */
  readonly foundByOnescan: number
  readonly missed: readonly Missed[]
}

/** Mails without any change: they follow the standards. */
export function conforming(seed: number): Mutant {
  return { message: conformingMail(seed), changes: [] }
}

/** Judges the mails of `count` seeds from `seed` on. */
export async function fuzz(
  judge: Judge,
  seed: number,
  count: number,
  progress: (done: number) => void = () => {},
  make: (seed: number) => Mutant = mutant,
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
  return { mails: count, cleanToClamd, foundByOnescan, missed }
}
