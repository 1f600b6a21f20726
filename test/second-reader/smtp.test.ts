import t from 'tap'
import { isWhole } from '../run/is-whole.ts'
import { expectTruth, missing } from './short.ts'

t.test('mail through the SMTP door is what others read in it', { skip: missing }, async (t) => {
  await expectTruth(t, {
    count: isWhole ? 1000 : 100,
    seed: 6,
    doors: { smtp: 1 },
    variants: { refuse: 4, tag: 1 },
  })
})
