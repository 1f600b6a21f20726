import t from 'tap'
import {
  beginsAsHeader,
  emptyLineAt,
  isBlankLine,
  isField,
  LAXEST_FIELD,
  STRICT_NAME,
} from '../../../src/mail/message/field-line.ts'

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

t.test('an empty line is LF, or CR LF where that may be one', async (t) => {
  const length = (text: string, crlf?: boolean) => emptyLineAt(Buffer.from(text), 1, crlf)
  t.same(['x\n', 'x\r\n', 'x\r\r\n', 'x\ra', 'x \n', 'xa', 'x'].map((text) => length(text)), [1, 2, 0, 0, 0, 0, 0]) // biome-ignore format: a line
  t.same([length('x\n', false), length('x\r\n', false)], [1, 0])
})

t.test('a blank line has only blanks, and what some readers take for them', async (t) => {
  for (const line of ['', ' \t\v', '\x7f\x80\xa0']) t.equal(about(line, isBlankLine), true, line)
  for (const line of ['a', ' ~', '!', '\xa1']) t.equal(about(line, isBlankLine), false, line)
})

t.test('each rule for fields accepts what the stricter ones do', async (t) => {
  const strict = new RegExp(`^${STRICT_NAME}:`)
  const rules = [
    (line: string) => strict.test(line),
    beginsAsHeader,
    (line: string) => about(line, isField),
    (line: string) => LAXEST_FIELD.test(`\n${line}`),
  ]
  const most: Readonly<Record<string, number>> = {
    'A:': 4,
    'A :': 3,
    '(A):': 3,
    ' A b:': 2,
    'a b c:': 1,
  }
  for (const [line, accepting] of Object.entries({ ...most, A: 0 })) {
    const accepted = rules.map((accepts) => accepts(line))
    t.same(
      accepted,
      rules.map((_, at) => at >= rules.length - accepting),
      line,
    )
  }
})
