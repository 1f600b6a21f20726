import t from 'tap'
import { searchWords, soughtRecipients } from '../../../src/base/text/search-words.ts'

/** What a search asks for. */

t.test('words must occur, and those with a minus sign must not', async (t) => {
  const cases: readonly [text: string, wanted: string[][], unwanted?: string[][]][] = [
    ['', []],
    ['Ann ZIP', [['ann'], ['zip']]],
    ['"your card" x', [['"your card"', 'your card'], ['x']]],
    ['card -Invoice', [['card']], [['invoice']]],
    ['-"your card" -x', [], [['"your card"', 'your card'], ['x']]],
    ['<a@example[.]net>', [['<a@example[.]net>', 'a@example.net']]],
    ['Subject: order - new', [['order'], ['-'], ['new']]],
    ['well-known', [['well-known']]],
  ]
  for (const [text, wanted, unwanted = []] of cases)
    t.same(searchWords(text), { wanted, unwanted }, text)
})

t.test('numbers of messages are all that is searched for, but for what is unwanted', async (t) => {
  const [one, other] = ['1795990780.6551800005bb0000', '1795990781.6551800005bb0000']
  t.same(searchWords(`Please deliver: Invoice 7 (${one})`), { wanted: [[one]], unwanted: [] })
  t.same(searchWords(`${one}, ${other}`), { wanted: [[one, other]], unwanted: [] }, 'either')
  t.same(searchWords(`card -${one}`), { wanted: [['card']], unwanted: [[one]] })
})

t.test('an unwanted word names no recipient', async (t) => {
  const recipients = ['ann@example.org', 'ben@example.org']
  t.same(soughtRecipients(recipients, { search: 'ann' }), ['ann@example.org'])
  t.same(soughtRecipients(recipients, { search: '-ann' }), [])
})
