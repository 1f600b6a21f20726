import t from 'tap'
import { isBlankLine, isField } from '../../../../src/mail/mime/headers/header-lines.ts'

/** Asks about the text alone, between other bytes. */
const about = (text: string, ask: typeof isField) => {
  const bytes = Buffer.from(`#${text}#:`, 'latin1')
  return ask(bytes, 1, 1 + text.length)
}

t.test('a field has a name of at most two words before its colon', async (t) => {
  const fields = ['A:', ' \tA: b', 'A :', 'A b:', 'A\tb: c', `${'a'.repeat(2000)}:`]
  for (const line of fields) t.equal(about(line, isField), true, line)
  const others = ['', ' ', ':', ' : a', 'A', 'a b c:', 'a\tb c:', 'a \t:']
  for (const line of others) t.equal(about(line, isField), false, line)
})

t.test(
  'a blank line has blanks, control characters, and what some readers take for blanks',
  async (t) => {
    for (const line of ['', ' \t\v', '\x7f\x80\xa0']) t.equal(about(line, isBlankLine), true, line)
    for (const line of ['a', ' ~', '!', '\xa1']) t.equal(about(line, isBlankLine), false, line)
  },
)
