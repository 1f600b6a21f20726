import t from 'tap'
import { expectTruth, missing } from './short.ts'

t.test(
  'tags of the milter are true, and none is left where nothing was scanned',
  {
    skip: missing,
  },
  async (t) => {
    await expectTruth(t, {
      count: 1600,
      seed: 4,
      doors: { milter: 1 },
      variants: { tag: 2, skip: 1 },
    })
  },
)
