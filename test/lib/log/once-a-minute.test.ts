import { mock } from 'node:test'
import t from 'tap'
import { onceAMinute } from '../../../src/lib/log/line-format.ts'

/** What onceAMinute logs of the same lines before and after a minute. */
function logged(most?: number): string {
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const lines: string[] = []
    const log = onceAMinute((line) => lines.push(line), most)
    const say = () => ['a', 'a', 'b', 'c'].forEach(log)
    say()
    mock.timers.tick(59_999)
    say()
    lines.push('|')
    mock.timers.tick(1)
    say()
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
