import t from 'tap'
import { failedFiles, gistOf, timeLines } from './summary.mjs'
import { createTapReader } from './tap-results.mjs'

/** What tap writes of an assertion that compared two texts. */
const tap = `# Subtest: a.test.ts
    # Subtest: a message is tagged
        not ok 1 - the whole text
          ---
          compare: ===
          at:
            fileName: test/a.test.ts
            lineNumber: 109
            columnNumber: 7
          diff: |
            --- expected
            +++ actual
            @@ -1,5 +1,1 @@
            -X-QHPSI: clean
            -Subject: x
            +Subject: y
          ...
        1..1
    not ok 1 - a message is tagged # time=2ms
    1..1
not ok 1 - a.test.ts # time=1500.25ms`

t.test(
  'a failure is shown with its message, its place, and the first difference of a value',
  async (t) => {
    const details: (readonly string[])[] = []
    const times: number[] = []
    const reader = createTapReader(({ cases, time }) => {
      times.push(time)
      for (const { detail } of cases) details.push(detail)
    })
    for (const line of tap.split('\n')) reader.line(line)
    reader.end()
    t.same(times, [1500.25])
    t.same(details.map(gistOf), [
      ['the whole text (test/a.test.ts:109)', '-X-QHPSI: clean   +Subject: y'],
    ])
  },
)

t.test('a failure without a diagnosis, and one without anything, still have a line', async (t) => {
  t.same(gistOf(['timeout!', 'expired: a.test.ts']), ['timeout!'])
  t.same(gistOf([]), ['no assertion failed; see above'])
})

t.test('a long message does not push its place out of the line', async (t) => {
  const [line] = gistOf(['x'.repeat(5000), 'at:', '  fileName: a.ts', '  lineNumber: 1'])
  t.ok(line!.length <= 200)
  t.match(line, /x… \(a\.ts:1\)$/)
})

t.test('files in which something failed are named, to be run again', async (t) => {
  const results = [
    { name: 'a', cases: [{ result: 'passed' }, { result: 'failed' }, { result: 'failed' }] },
    { name: 'b', cases: [{ result: 'passed' }, { result: 'skipped' }] },
    { name: 'c', cases: [] },
  ]
  t.same(failedFiles(results), ['a'])
})

t.test('the summary tells how long all of it took, and the files that took longest', async (t) => {
  const files = [
    { name: 'a', time: 900 },
    { name: 'b', time: 61_000 },
    { name: 'c', time: 12_340 },
  ]
  t.same(timeLines(125_400, files, 2), [
    'took 2 min 5 s; the files that took longest:',
    '  61.0 s b',
    '  12.3 s c',
  ])
})
