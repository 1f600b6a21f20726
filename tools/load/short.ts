import type { Test } from 'tap'
import { missing as noCompiler } from '../../test/c/onescanc/client.ts'
import { clamdMissing } from '../../test/programs/servers/clamd.ts'
import { isWhole } from '../../test/run/is-whole.ts'
import { linesOf, newResult, runLoad } from './load.ts'
import { openLoadRig } from './rig.ts'

export const missing = clamdMissing || noCompiler

const MIB = 1024 * 1024

/** Messages of all sizes, and then larger ones; otherwise no more than are under way at once. */
const SMALL = isWhole ? 200 : 60
const LARGE = isWhole ? 40 : 12

/**
 * Many messages of all sizes at once, and then larger ones, through both warm interfaces, late and in
 * pieces: every answer is true.
 */
export async function expectTruthUnderLoad(t: Test, program: readonly string[]): Promise<void> {
  const doors = await openLoadRig(t, program)
  const result = newResult()
  await runLoad(doors, { count: SMALL, atOnce: 60, most: 2 * MIB }, result)
  await runLoad(doors, { first: SMALL, count: LARGE, atOnce: 20, most: 10 * MIB }, result)
  for (const line of linesOf(result)) t.comment(line)
  t.same(result.wrong, [])
  const all = SMALL + LARGE
  t.equal(result.messages, all)
  t.equal(result.stampsThatFit + result.unstamped + result.refused + result.deferred, all)
  t.ok(result.deferred < all / 10, 'hardly any was unknown')
}
