import t from 'tap'
import { isWhole } from '../run/is-whole.ts'
import { expectTruth, missing } from './short.ts'

t.test('mail through the slot socket is what others read in it', { skip: missing }, async (t) => {
  await expectTruth(t, {
    count: isWhole ? 3000 : 150,
    seed: 1,
    doors: { socket: 1 },
    variants: { refuse: 1 },
  })
})
