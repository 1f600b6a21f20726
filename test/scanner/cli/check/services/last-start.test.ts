import t from 'tap'
import { lastAttempt, lastStart } from '../../../../../src/scanner/cli/check/services/last-start.ts'

/** Which lines of a log are about the last start of a service. */

const FAILED = [
  'Starting onescand.service - onescand...',
  'error: settings: SCANTIMEOUT="x": must be a whole number',
  "onescand.service: Failed with result 'exit-code'.",
]
const GOOD = ['Starting onescand.service - onescand...', 'Started onescand.service - onescand.']

t.test(
  'the complaint of the last failed attempt is found while systemd makes another',
  async (t) => {
    t.same(lastAttempt([...GOOD, ...FAILED, 'Starting onescand.service - onescand...']), [
      FAILED[1],
    ])
    const crash = ['error: worker died', "onescand.service: Failed with result 'signal'."]
    t.same(lastAttempt([...GOOD, ...crash]), ['error: worker died'], 'also of one after its start')
  },
)

t.test('an attempt that failed before a good start is not shown', async (t) => {
  const restart = [
    'Stopping onescand.service - onescand...',
    'Starting onescand.service - onescand...',
  ]
  t.same(lastAttempt([...FAILED, ...GOOD, ...restart]), [])
})

t.test('in the log of a run script the last start with any line counts', async (t) => {
  const first = ['onescand: starting', 'error: a', 'onescand: starting', 'error: b']
  t.same(lastStart([...first, 'onescand: starting', '']), ['error: b'])
})
