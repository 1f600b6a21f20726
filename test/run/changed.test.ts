import t from 'tap'
import { testsOf } from './changed.mjs'

/** The tests that `npm run test:changed` runs. */

const all = [
  'test/mail/mime/contents.test.ts',
  'test/mail/mime/decoders/quirks.test.ts',
  'test/mail/mime/carver/carver.test.ts',
  'test/mail/message/bytes.test.ts',
  'test/packaging/deb.test.ts',
  'test/tools/mutants/components.test.ts',
]

t.test('a change concerns all tests below the nearest folder that has tests', async (t) => {
  const rows: [string, string[]][] = [
    ['src/mail/mime/carver/carve.ts', ['test/mail/mime/carver/carver.test.ts']],
    ['src/mail/mime/quirks/way.ts', all.slice(0, 3)],
    ['src/mail/mime/contents.ts', all.slice(0, 3)],
    ['src/mail/message/envelope.ts', ['test/mail/message/bytes.test.ts']],
    ['test/mail/mime/carver/fate.ts', ['test/mail/mime/carver/carver.test.ts']],
    ['test/mail/mime/contents.test.ts', ['test/mail/mime/contents.test.ts']],
    ['debian/rules', ['test/packaging/deb.test.ts']],
    ['tools/mutants/run.mjs', ['test/tools/mutants/components.test.ts']],
    ['src/scanner/log/log-sink.ts', []],
    ['test/needs.mjs', []],
    ['README.md', []],
  ]
  for (const [file, tests] of rows) t.same(testsOf([file], all), tests, file)
})

t.test('each test is run once, in the order of all tests', async (t) => {
  const files = ['src/mail/message/bytes.ts', 'src/mail/mime/contents.ts', all[1]!]
  t.same(testsOf(files, all), all.slice(0, 4))
})
