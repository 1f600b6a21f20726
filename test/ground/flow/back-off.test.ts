import t from 'tap'
import { createBackOff } from '../../../src/ground/flow/back-off.ts'

t.test(
  'a server that fails is left alone, for twice as long after each failure in a row',
  async (t) => {
    let now = 0
    const rests = createBackOff<string>(() => now, { first: 10, longest: 35 })
    t.notOk(rests.isBackedOff('a'))
    t.equal(rests.noteFailure('a'), 10)
    t.equal(rests.noteFailure('a'), undefined, 'it rests already')
    t.ok(rests.isBackedOff('a'))
    t.notOk(rests.isBackedOff('b'))
    for (const length of [20, 35, 35]) {
      now += 40
      t.notOk(rests.isBackedOff('a'))
      t.ok(rests.hasFailed('a'))
      t.equal(rests.noteFailure('a'), length)
    }
    t.ok(rests.noteAnswer('a'))
    t.notOk(rests.noteAnswer('a'))
    t.notOk(rests.isBackedOff('a'))
    t.equal(rests.noteFailure('a'), 10)
  },
)
