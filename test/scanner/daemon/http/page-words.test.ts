import t from 'tap'
import {
  count,
  kindText,
  problems,
} from '../../../../src/scanner/daemon/http/page/quarantine/words.js'
import { PROBLEM_TYPES } from '../../../../src/scanner/protocol/quarantine-api/problems.ts'

/** What the page of the quarantine says to people who have no shell. */

t.test('each problem has a sentence of its own, without words of HTTP and commands', async (t) => {
  t.same(Object.keys(problems).sort(), ['no-answer', ...PROBLEM_TYPES].sort())
  for (const [code, words] of Object.entries(problems)) {
    t.match(words, /^[A-Z].*\.$/, code)
    t.notMatch(
      words,
      /--|[/{}"_]|HTTP|JSON|Authorization|Idempotency|[A-Z]{5}|stamp|undefined/,
      code,
    )
    if (code !== 'no-answer') t.notMatch(words, /may have been released/, code)
  }
})

t.test('plural forms, and a kind that is not known', async (t) => {
  t.equal(count(0, 'message'), '0 messages')
  t.equal(count(1, 'recipient'), '1 recipient')
  t.equal(count(1200, 'part'), '1,200 parts')
  t.equal(kindText('banned'), 'Banned attachment')
  t.equal(kindText('new-kind'), 'new-kind')
})
