import t from 'tap'
import { median, percentile } from './statistics.ts'

t.test('the median is the middle value, or lies between the two middle ones', async (t) => {
  t.equal(median([9, 1, 5]), 5)
  t.equal(median([10, 1, 5, 2]), 3.5)
  t.equal(median([7]), 7)
  t.ok(Number.isNaN(median([])))
})

t.test('percentiles are values that were measured, by nearest rank', async (t) => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index)
  t.equal(percentile(hundred, 0.95), 95)
  t.equal(percentile([1, 2, 3], 0.95), 3)
  t.equal(percentile([10, 9], 0), 9)
})
