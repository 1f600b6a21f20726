import t from 'tap'
import { isWhole } from '../run/is-whole.ts'
import { expectTruth, missing } from './short.ts'

t.test('mail through the milter is what others read in it', { skip: missing }, async (t) => {
  await expectTruth(t, {
    count: isWhole ? 2500 : 150,
    seed: 3,
    doors: { milter: 1 },
    variants: { refuse: 1 },
  })
})
