import t from 'tap'
import { formatDuration } from '../../../src/observe/report/text.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

t.test('a duration has at most two units, and never 24 hours or 60 minutes', async (t) => {
  const cases: readonly [number, string][] = [
    [12, '12 ms'],
    [4.2 * SECOND, '4.2 s'],
    [12 * MINUTE, '12 min'],
    [3 * HOUR + 4 * MINUTE, '3 h 4 min'],
    [2 * DAY, '2 d 0 h'],
    [3 * DAY - MINUTE, '3 d 0 h'],
    [3 * DAY + 4 * HOUR, '3 d 4 h'],
  ]
  for (const [milliseconds, words] of cases) t.equal(formatDuration(milliseconds), words)
})
