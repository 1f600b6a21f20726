import t from 'tap'
import { BOUNDARIES_MAX, BOUNDARY_LENGTHS_MAX } from '../../../../src/mail/mime/shared/limits.ts'
import { Boundaries } from '../../../../src/mail/mime/structure/delimiters.ts'

t.test('the longest boundary that begins a line is found, in any case of letters', async (t) => {
  const boundaries = new Boundaries()
  t.equal(boundaries.longestAt(Buffer.from('--ab'), 2), undefined, 'none is known')
  boundaries.learn(['ab', 'abcd', 'z', '[a', '@a'])
  boundaries.learn(['ab'])
  const rows: Readonly<Record<string, string | undefined>> = {
    '--ab': 'ab',
    '--abc': 'ab',
    '--abcde': 'abcd',
    '--AbCD': 'abcd',
    '--Z': 'z',
    '--[A': '[a',
    '--@A': '@a',
    '--{a': undefined,
    '-- \t ab': 'ab',
    '--\tab': 'ab',
    '--a': undefined,
    '--xab': undefined,
    '--': undefined,
    '-- ': undefined,
  }
  for (const [line, expected] of Object.entries(rows)) {
    t.equal(boundaries.longestAt(Buffer.from(line), 2), expected, line)
  }
})

t.test('there is room for so many boundaries, and for so many lengths of them', async (t) => {
  const texts = Array.from({ length: BOUNDARIES_MAX }, (_, at) => `b${1000 + at}`)
  const boundaries = new Boundaries()
  t.equal(boundaries.learn(texts), true)
  t.equal(boundaries.learn(texts), true, 'those that are known take no more room')
  t.equal(boundaries.learn(['b1']), false)
  t.equal(boundaries.longestAt(Buffer.from('b1'), 0), undefined, 'it is not learnt')
  t.equal(boundaries.longestAt(Buffer.from(texts.at(-1)!), 0), texts.at(-1), 'those before it are')
  const lengths = Array.from({ length: BOUNDARY_LENGTHS_MAX }, (_, at) => 'b'.repeat(at + 1))
  const long = new Boundaries()
  t.equal(long.learn(lengths), true)
  t.equal(long.learn(['b'.repeat(BOUNDARY_LENGTHS_MAX + 1)]), false)
})
