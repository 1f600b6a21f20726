import t from 'tap'
import { findIdleLines, findReplacedLines } from '../../../../src/scanner/cli/host/settings-file.ts'

/** What systemd passes over of a file of variables; test/packaging/remedies.test.ts has one on a booted host. */

const SETS = [
  '# a comment\n; another\n\n',
  'A=1\n\tB = two\nexport C=3\nD=\n',
  'E="one\ntwo three\nfour"\nF=\'one\ntwo\'\nG=one\\\ntwo three\n',
  'H="one \\" two\nthree" \'four\nfive\' six\nI=it\'s\n',
]

t.test('lines that set or unset a variable are not reported', async (t) => {
  for (const text of SETS) t.same(findIdleLines(text), [], text)
})

t.test('a line without "=" is named by its number', async (t) => {
  for (const text of SETS) {
    const line = text.split('\n').length
    t.same(findIdleLines(`${text}REJECTVIRUS 1\nZ=1\n`), [{ line, word: 'REJECTVIRUS' }], text)
  }
  t.same(findIdleLines('  QHPSI: "plugin: clamd"'), [{ line: 1, word: 'QHPSI:' }])
})

t.test('a line that a later one replaces is named, unless both have the same value', async (t) => {
  const twice = '#A="0"\nA="1"\nB="one\ntwo"\nA = "1"\n'
  t.same(findReplacedLines(twice), [])
  t.same(findReplacedLines(`${twice} B=three\nA=2\nA=3\n`), [
    { line: 3, name: 'B', by: 6 },
    { line: 5, name: 'A', by: 7 },
    { line: 7, name: 'A', by: 8 },
  ])
  for (const text of SETS) t.same(findReplacedLines(text), [], text)
})
