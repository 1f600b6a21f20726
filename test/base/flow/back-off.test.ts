import t from 'tap'
import { BackOff } from '../../../src/base/flow/back-off.ts'

t.test(
  'a server that fails is left alone, for twice as long after each failure in a row',
  async (t) => {
    let uptime = 0
    const backOff = new BackOff<string>(() => uptime, { first: 10, longest: 35 })
    t.notOk(backOff.isBackedOff('a'))
    t.equal(backOff.noteFailure('a'), 10)
    t.equal(backOff.noteFailure('a'), undefined, 'it backOff already')
    t.ok(backOff.isBackedOff('a'))
    t.equal(backOff.timeLeft('a'), 10)
    t.notOk(backOff.isBackedOff('b'))
    t.equal(backOff.timeLeft('b'), 0)
    for (const length of [20, 35, 35]) {
      uptime += 40
      t.notOk(backOff.isBackedOff('a'))
      t.ok(backOff.hasFailed('a'))
      t.equal(backOff.noteFailure('a'), length)
    }
    t.ok(backOff.noteAnswer('a'))
    t.notOk(backOff.noteAnswer('a'))
    t.notOk(backOff.isBackedOff('a'))
    t.equal(backOff.noteFailure('a'), 10)
  },
)
