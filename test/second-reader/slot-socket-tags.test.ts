import t from 'tap'
import { expectTruth, missing } from './short.ts'

t.test(
  'tags of the slot socket are true, and none is left where nothing was scanned',
  {
    skip: missing,
  },
  async (t) => {
    await expectTruth(t, {
      count: 2000,
      seed: 2,
      doors: { socket: 1 },
      variants: { tag: 2, skip: 1 },
    })
  },
)
