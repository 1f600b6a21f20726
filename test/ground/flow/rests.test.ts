import t from 'tap'
import { createRests } from '../../../src/ground/flow/rests.ts'

t.test('a server that fails rests, for twice as long with each failure in a row', async (t) => {
  let now = 0
  const rests = createRests<string>(() => now, { first: 10, longest: 35 })
  t.notOk(rests.isResting('a'))
  t.equal(rests.failed('a'), 10)
  t.equal(rests.failed('a'), undefined, 'it rests already')
  t.ok(rests.isResting('a'))
  t.notOk(rests.isResting('b'))
  for (const length of [20, 35, 35]) {
    now += 40
    t.notOk(rests.isResting('a'))
    t.ok(rests.hasFailed('a'))
    t.equal(rests.failed('a'), length)
  }
  t.ok(rests.answered('a'))
  t.notOk(rests.answered('a'))
  t.notOk(rests.isResting('a'))
  t.equal(rests.failed('a'), 10)
})
