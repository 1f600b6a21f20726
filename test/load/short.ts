import type { Test } from 'tap'
import { missing as noCompiler } from '../c/onescanc/client.ts'
import { clamdMissing } from '../programs/clamd.ts'
import { pythonMissing } from '../second-reader/readers/python.ts'
import { linesOf, newResult, runLoad } from './load.ts'
import { openLoadRig } from './rig.ts'

export const missing = clamdMissing || pythonMissing || noCompiler

const MIB = 1024 * 1024

/** A crowd of all sizes, and then some that are larger; through both warm doors, late and in pieces. */
export async function expectTruthUnderLoad(t: Test, program: readonly string[]): Promise<void> {
  const { client, milter, python } = await openLoadRig(t, program)
  const doors = [client, milter]
  const result = newResult()
  await runLoad(doors, python, { count: 200, atOnce: 60, most: 2 * MIB }, result)
  await runLoad(doors, python, { first: 200, count: 40, atOnce: 20, most: 10 * MIB }, result)
  for (const line of linesOf(result)) t.comment(line)
  t.same(result.wrong, [])
  t.equal(result.messages, 240)
  t.equal(result.stampsThatFit + result.unstamped + result.refused + result.putOff, 240)
  t.ok(result.putOff < 24, 'hardly any could not be told')
}
