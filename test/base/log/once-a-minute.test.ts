import { mock } from 'node:test'
import t from 'tap'
import { limitChanges } from '../../../src/base/log/limit-changes.ts'
import { onceAMinute } from '../../../src/base/log/line-format.ts'

/** What is logged of the same lines before and after a minute. */
function logged(most?: number): string {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const lines: string[] = []
    const log = onceAMinute((line) => lines.push(line), most)
    const logAll = () => ['a', 'a', 'b', 'c'].forEach(log)
    logAll()
    mock.timers.tick(59_999)
    logAll()
    lines.push('|')
    mock.timers.tick(1)
    logAll()
    return lines.join('')
  } finally {
    mock.timers.reset()
  }
}

t.test('only the first line is logged in a minute', async (t) => {
  t.equal(logged(), 'a|a')
})

t.test('each of several lines is logged once, up to the limit', async (t) => {
  t.equal(logged(2), 'ab|ab')
})

t.test('the same line about another client is the same line', async (t) => {
  const lines: string[] = []
  const log = onceAMinute((line: string, client: string) => lines.push(`${line} ${client}`), 2)
  for (const client of ['x', 'y']) for (const line of ['a', 'b']) log(line, client)
  t.same(lines, ['a x', 'b x'])
})

t.test(
  'of changes without end, few are logged, and the last one when the minute ends',
  async (t) => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const lines: string[] = []
      const log = limitChanges((line) => lines.push(line), 3)
      const heard = () => lines.splice(0).join('')
      for (const line of 'xyxyxyxyz') log(line)
      t.equal(heard(), 'xyx')
      mock.timers.tick(60_000)
      t.equal(heard(), 'z', 'the state at the end of the minute')
      for (const line of 'xyxy') log(line)
      t.equal(heard(), 'xy', 'which is one of the lines of the next one')
      log('y')
      mock.timers.tick(60_000)
      t.equal(heard(), '', 'the last line stated that already')
      log('x')
      t.equal(heard(), 'x', 'after a quiet minute a change is logged at once')
    } finally {
      mock.timers.reset()
    }
  },
)
