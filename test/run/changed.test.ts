import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { changedSince, testsOf } from './changed.mjs'

const all = [
  'test/documents/floors.test.ts',
  'test/packaging/installed.test.ts',
  'test/scan/clamd/ask.test.ts',
  'test/scan/clamd/server-queue.test.ts',
  'test/scan/scan.test.ts',
  'test/verdicts/fresh.test.ts',
]

const cases: readonly (readonly [change: string, tests: readonly string[]])[] = [
  [
    'src/scan/clamd/ask.ts',
    ['test/scan/clamd/ask.test.ts', 'test/scan/clamd/server-queue.test.ts'],
  ],
  ['src/scan/clamscan/resource-scope.ts', ['test/scan/scan.test.ts']],
  ['test/scan/clamd/server-queue.test.ts', ['test/scan/clamd/server-queue.test.ts']],
  ['test/verdicts/rig.ts', ['test/verdicts/fresh.test.ts']],
  ['packaging/debian/postinst', ['test/packaging/installed.test.ts']],
  ['README.md', []],
]

for (const [change, tests] of cases) {
  t.test(`a change of ${change} concerns ${tests.length} test files`, async (t) => {
    t.same(testsOf([change], all), tests)
  })
}

t.test('several changes run each test once, in the order of all', async (t) => {
  t.same(testsOf(['test/verdicts/fresh.test.ts', 'src/scan/scan.ts', 'src/scan/command.ts'], all), [
    'test/scan/scan.test.ts',
    'test/verdicts/fresh.test.ts',
  ])
})

t.test('what git sees as changed is what differs from the commit, and what is new', async (t) => {
  const root = t.testdir({ kept: 'a', edited: 'a' })
  const git = (...words: string[]) =>
    execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@example.org', ...words], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '--message', 'first')
  writeFileSync(join(root, 'edited'), 'b')
  mkdirSync(join(root, 'room'))
  writeFileSync(join(root, 'room/new'), 'c')
  t.same(changedSince('HEAD', root), ['edited', 'room/new'])
  t.throws(() => changedSince('nowhere', root))
})
