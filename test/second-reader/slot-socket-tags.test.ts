import t from 'tap'
import { isWhole } from '../run/is-whole.ts'
import { expectTruth, missing } from './short.ts'

t.test(
  'tags of the slot socket are true, and mail that was not scanned has none',
  {
    skip: missing,
  },
  async (t) => {
    await expectTruth(t, {
      count: isWhole ? 2000 : 100,
      seed: 2,
      doors: { socket: 1 },
      variants: { tag: 2, skip: 1 },
    })
  },
)
