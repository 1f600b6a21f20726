import t from 'tap'
import {
  allRecipients,
  count,
  kindText,
  problems,
  problemText,
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
  t.equal(allRecipients(2), 'both recipients')
  t.equal(allRecipients(3), 'all 3 recipients')
  t.equal(kindText('banned'), 'Banned attachment')
  t.equal(kindText('new-kind'), 'new-kind')
})

t.test('a refused release names the address, and what to do', async (t) => {
  const refused = (answer: string, recipient?: string, number = 1) =>
    problemText({ code: 'refused', answer, recipient }, number)
  t.equal(
    refused('550 5.1.1 no such user', 'ben@example.org', 2),
    'The mail server refuses ben@example.org (550 5.1.1 no such user), so no recipient got the message. Clear the box of ben@example.org, and release again.',
  )
  t.match(refused('550 no', 'ben@example.org'), /Check the address, and write the right one\.$/)
  t.match(refused('451 later', 'ben@example.org', 2), /Try again in 15 minutes\.$/)
  t.match(refused('554 no'), /name the number of the message\.$/)
})

t.test('a person who has to wait sees for how long, if that is known', async (t) => {
  const text = (seconds: number) => problemText({ code: 'too-many-attempts', seconds })
  t.equal(text(40), 'There were too many wrong tokens. Try again in 40 seconds.')
  t.equal(text(1), 'There were too many wrong tokens. Try again in 1 second.')
  t.equal(text(0), problems['too-many-attempts'])
})
