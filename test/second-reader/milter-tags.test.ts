import t from 'tap'
import { isWhole } from '../run/is-whole.ts'
import { expectTruth, missing } from './short.ts'

t.test(
  'tags of the milter are true, and mail that was not scanned has none',
  {
    skip: missing,
  },
  async (t) => {
    await expectTruth(t, {
      count: isWhole ? 1600 : 100,
      seed: 4,
      doors: { milter: 1 },
      variants: { tag: 2, skip: 1 },
    })
  },
)
