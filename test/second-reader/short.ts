import type { Test } from 'tap'
import { clamdMissing } from '../programs/clamd.ts'
import { newTally, type Order, runAttacks, runBench, type Tally } from './bench.ts'
import { pythonMissing } from './readers/python.ts'
import { openRig } from './rig.ts'
import { linesOf } from './tell.ts'

export const missing = clamdMissing || pythonMissing

/**
 * Messages of a seed that stays, so that a change fails by itself alone; `npm run
 * bench:differential` makes others. Where one shows a fault, all that is needed to make it
 * again is told.
 */
export async function expectTruth(t: Test, order: Order): Promise<void> {
  const tally = await runBench(await openRig(t), order)
  t.comment(`seed ${order.seed}`)
  judge(t, tally)
  t.equal(tally.messages, order.count)
}

/** What was shown once to get past. */
export async function expectNoAttack(t: Test): Promise<void> {
  const tally = newTally()
  await runAttacks(await openRig(t), tally)
  judge(t, tally)
}

function judge(t: Test, tally: Tally): void {
  for (const line of linesOf(tally)) t.comment(line)
  t.equal(tally.faults.length, 0, [...linesOf(tally)].join('\n'))
  const of = (outcome: RegExp) =>
    [...tally.outcomes].reduce((sum, [what, count]) => (outcome.test(what) ? sum + count : sum), 0)
  t.ok(of(/^deferred/) < tally.messages / 100, 'hardly any could not be told')
  t.ok(of(/^passed/) > tally.messages / 4, 'a good part was there to be read')
}
