import t from 'tap'
import { missing as noCompiler } from '../c/onescanc/client.ts'
import { isWhole } from '../run/is-whole.ts'
import { expectNoAttack, expectTruth, missing } from './short.ts'

const skip = missing || noCompiler

t.test('mail through the slot itself is what others read in it', { skip }, async (t) => {
  await expectTruth(t, { count: isWhole ? 400 : 100, seed: 5, doors: { cold: 1, client: 3 } })
})

t.test(
  'no door lets pass what once carried a virus or a forged tag past it',
  { skip },
  async (t) => {
    await expectNoAttack(t)
  },
)
