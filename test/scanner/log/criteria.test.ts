import t from 'tap'
import { parseTime } from '../../../src/scanner/log/criteria.ts'

const now = new Date('2026-11-20T18:26:25').getTime()

for (const [words, moment] of [
  ['now', '2026-11-20T18:26:25'],
  ['today', '2026-11-20T00:00:00'],
  ['Yesterday', '2026-11-19T00:00:00'],
  ['2026-11-01', '2026-11-01T00:00:00'],
  ['2026-11-01 9:30', '2026-11-01T09:30:00'],
  ['2026-11-01T09:30:15', '2026-11-01T09:30:15'],
  ['14:30', '2026-11-20T14:30:00'],
  ['90m', '2026-11-20T16:56:25'],
  ['2 hours ago', '2026-11-20T16:26:25'],
] as const) {
  t.test(`--since ${words} is a moment`, async (t) => {
    t.equal(parseTime('--since', words, now), new Date(moment).getTime())
  })
}

t.test('a text that is not a time is refused, with examples', async (t) => {
  for (const words of [
    '',
    'tomorrow',
    '2026-02-30',
    '2026-13-01',
    '2026-00-10',
    '2026-11-01 25:00',
    '36',
    'h',
    '2026-11-01 x',
  ]) {
    t.throws(() => parseTime('--since', words, now), /^--since .*: is not a time; use yesterday/)
  }
})
