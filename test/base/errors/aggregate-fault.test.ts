import t from 'tap'
import {
  AggregateFault,
  FaultCollector,
  faultLines,
} from '../../../src/base/errors/aggregate-fault.ts'

t.test('errors of several readers are gathered, a line each', async (t) => {
  const faults = new FaultCollector()
  const wrong = (error: Error) => () => {
    throw error
  }
  t.equal(
    faults.attempt(() => 1, 2),
    1,
  )
  t.equal(faults.attempt(wrong(new Error('a')), 2), 2)
  faults.attempt(wrong(new AggregateFault(['a', 'b'])), 0)
  t.same(faults.lines, ['a', 'b'])
  t.same(faultLines(new Error('c')), ['c'])
})
