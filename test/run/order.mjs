// In which order `npm test` begins its files: those that take longest first, so that no
// processor waits at the end for one that was begun last.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** As measured, the longest first; what is not named here takes some seconds at most. */
export const longest = [
  'test/programs/milter-dkim.test.ts',
  'test/programs/milter-host-fields.test.ts',
  'test/packaging/package.test.ts',
  'test/packaging/installed.test.ts',
  'test/programs/attacks.test.ts',
  'test/programs/milter-cluster.test.ts',
  'test/packaging/same-bytes.test.ts',
  'test/load/node.test.ts',
  'test/load/compiled.test.ts',
  'test/packaging/arm64.test.ts',
  'test/packaging/with-clamav.test.ts',
  'test/packaging/states.test.ts',
  'test/c/onescanc/cases.test.ts',
  'test/second-reader/slot.test.ts',
  'test/doors/queue/cases.test.ts',
  'test/scan/file-plugin/pool-faults.test.ts',
  'test/bench/run.test.ts',
  'test/programs/slot.test.ts',
  'test/bench/milter/run.test.ts',
  'test/programs/milter-mtas.test.ts',
]

/** All test files of a checkout, as paths from there. */
export function longestFirst(root) {
  const all = readdirSync(join(root, 'test'), { recursive: true })
    .filter((path) => path.endsWith('.test.ts'))
    .map((path) => `test/${path}`)
    .sort()
  return [
    ...longest.filter((path) => all.includes(path)),
    ...all.filter((path) => !longest.includes(path)),
  ]
}
