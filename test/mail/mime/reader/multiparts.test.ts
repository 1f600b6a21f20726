import t from 'tap'
import { limits } from '../../../../src/mail/mime/budget/limits.ts'
import { Habits } from '../../../../src/mail/mime/habits/habits.ts'
import { OpenMultiparts } from '../../../../src/mail/mime/reader/multiparts.ts'

const multipart = (...spellings: string[]) => ({ spellings, isAny: false }) as const

/** The number of the multipart of which a line is the delimiter, and what it asks. */
function find(open: OpenMultiparts, line: string, habits = new Habits()) {
  const found = open.delimiterIn(line.slice(2), open.length, habits)
  const what = found && `${found.closes ? 'end' : 'delimiter'} of ${found.level}`
  return [what, ...habits.asked]
}

t.test('a line is the delimiter of the outermost multipart that it fits exactly', async (t) => {
  const open = new OpenMultiparts()
  for (const boundary of ['ab', 'ab--', 'Z', 'ab']) open.push(multipart(boundary))
  const rows: Readonly<Record<string, readonly (string | undefined)[]>> = {
    '--ab': ['delimiter of 0'],
    '--ab--': ['end of 0'],
    '--ab----': ['end of 1'],
    '--Z': ['delimiter of 2'],
    '--ab ': ['delimiter of 0', 'delimiter and blanks'],
    '--ab-- ': ['end of 0', 'delimiter and blanks'],
    '--AB': ['delimiter of 0', 'delimiter in other letters'],
    '-- \tab': ['delimiter of 0', 'delimiter with blanks'],
    '--a\0b': ['delimiter of 0', 'delimiter with NULs'],
    '--z': ['delimiter of 2', 'delimiter in other letters'],
    '--abc': ['delimiter of 0', 'delimiter and more'],
    '--ab c': ['delimiter of 0', 'delimiter, a blank and more'],
    '--Z--c': ['end of 2', 'last delimiter and more'],
    '--ab--c': ['delimiter of 1', 'delimiter and more'],
    '-- \0z\t': [
      ...['delimiter of 2', 'delimiter with NULs', 'delimiter with blanks', 'delimiter and blanks'],
      'delimiter in other letters',
    ],
    '--a': [undefined],
    '--': [undefined],
    '-- ': [undefined],
  }
  for (const [line, expected] of Object.entries(rows)) t.same(find(open, line), expected, line)
  open.pop()
  open.pop()
  t.same(find(open, '--Z'), [undefined], 'a multipart that is no longer open')
})

t.test('each of several boundaries has a feature of its own', async (t) => {
  const open = new OpenMultiparts()
  open.push(multipart('b', 'c', 'd', 'e', 'f'))
  for (const [line, which] of [
    ...[
      ['--b', 'the first'],
      ['--c', 'the second'],
      ['--d', 'the third'],
      ['--e', 'one more'],
    ],
  ] as const)
    t.same(find(open, line), ['delimiter of 0', `delimiter of ${which} boundary`])
  t.throws(() => find(open, '--f'), /many boundaries/)
})

t.test('habits decide whether a line is a delimiter', async (t) => {
  const open = new OpenMultiparts()
  open.push(multipart('ab'))
  t.same(find(open, '--AB', Habits.of({ 'delimiter in other letters': 'is text' }))[0], undefined)
  t.same(find(open, '--abc', Habits.of({ 'delimiter and more': 'is text' }))[0], undefined)
  open.push({ spellings: [], isAny: true })
  t.same(find(open, '--x'), [undefined, 'any dashes'])
  const outcomes = (habit: 'like the first' | 'three dashes', lines: readonly string[]) => {
    const habits = Habits.of({ 'any dashes': `is a delimiter if it is ${habit}` })
    return lines.map((line) => find(open, line, habits)[0])
  }
  t.same(
    outcomes('like the first', ['--', '-----', '--x ', '--y', '--x', '--X', '--xx', '--x--']),
    [
      ...[undefined, undefined, 'delimiter of 1', undefined, 'delimiter of 1'],
      ...[undefined, undefined, 'end of 1'],
    ],
  )
  t.same(outcomes('three dashes', ['--', '--x', '---', '---\t', '----', '-----', '---x']), [
    undefined,
    undefined,
    'delimiter of 1',
    'delimiter of 1',
    undefined,
    'end of 1',
    undefined,
  ])
})

t.test('the number of boundaries and of their lengths is limited', async (t) => {
  const texts = Array.from({ length: limits.boundaries }, (_, at) => `b${1000 + at}`)
  const open = new OpenMultiparts()
  open.push(multipart(...texts))
  t.throws(() => open.push(multipart('b1')), /more boundaries/)
  const lengths = Array.from({ length: limits.boundaryLengths }, (_, at) => 'b'.repeat(at + 1))
  const long = new OpenMultiparts()
  long.push(multipart(...lengths))
  t.throws(() => long.push(multipart('b'.repeat(limits.boundaryLengths + 1))), /more boundaries/)
})
