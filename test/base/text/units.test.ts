import t from 'tap'
import { formatDuration, formatSize, parseDuration } from '../../../src/base/text/units.ts'

/** Durations and sizes as people read them in messages, reports and on the page. */

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

t.test('a duration has at most two units, and never 24 hours or 60 minutes', async (t) => {
  for (const [milliseconds, words] of [
    [0, '0 ms'],
    [0.42, '0.4 ms'],
    [12.34, '12.3 ms'],
    [123.4, '123 ms'],
    [999, '999 ms'],
    [SECOND, '1 s'],
    [4.24 * SECOND, '4.2 s'],
    [100 * SECOND, '100 s'],
    [2 * MINUTE, '2 min'],
    [5 * MINUTE + SECOND, '5 min 1 s'],
    [HOUR + SECOND, '60 min 1 s'],
    [3 * HOUR + 4 * MINUTE, '3 h 4 min'],
    [2 * DAY, '2 d'],
    [3 * DAY - MINUTE, '3 d'],
    [3 * DAY + 4 * HOUR, '3 d 4 h'],
  ] as const) {
    t.equal(formatDuration(milliseconds), words)
  }
})

t.test(
  'a size has two digits or more, and the largest unit in which it is not a fraction',
  async (t) => {
    for (const [bytes, words] of [
      [0, '0 B'],
      [999, '999 B'],
      [4_096, '4.1 KB'],
      [40_960, '41 KB'],
      [3_400_000, '3.4 MB'],
      [12e9, '12 GB'],
    ] as const) {
      t.equal(formatSize(bytes), words)
    }
  },
)

t.test('a duration is read in the units of mail servers and people', async (t) => {
  const known = { 0: 0, 90: 90, '90s': 90, '45m': 2700, '1h30m': 5400, '5min': 300, '1D': 86_400 }
  for (const [text, seconds] of Object.entries({
    ...known,
    '2 weeks': 1_209_600,
    '1h 30min': 5400,
  }))
    t.equal(parseDuration(text), seconds, text)
  for (const text of [
    '',
    'x',
    '1y',
    '3 months',
    'm',
    '1h30',
    '-1',
    '1.5h',
    ' 1h',
    '1hm',
    '123456789',
  ])
    t.equal(parseDuration(text), undefined, text)
})
