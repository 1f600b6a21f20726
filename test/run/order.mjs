// In which order `npm test` begins its files: those that take longest first, so that no
// processor waits at the end for one that was begun last.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** By the processor time that they take: forty seconds to fourteen; all others take less. */
export const longest = [
  'test/second-reader/slot.test.ts',
  'test/second-reader/milter.test.ts',
  'test/second-reader/slot-socket.test.ts',
  'test/doors/queue/cases.test.ts',
  'test/c/onescanc/cases.test.ts',
  'test/programs/milter-host-fields.test.ts',
  'test/packaging/installed.test.ts',
  'test/programs/milter-dkim.test.ts',
  'test/second-reader/slot-socket-tags.test.ts',
  'test/second-reader/milter-tags.test.ts',
  'test/packaging/same-bytes.test.ts',
  'test/doors/milter/memory.test.ts',
  'test/programs/attacks.test.ts',
  'test/load/node.test.ts',
  'test/load/compiled.test.ts',
  'test/doors/http/page.test.ts',
  'test/packaging/package.test.ts',
  'test/packaging/arm64.test.ts',
  'test/programs/milter-cluster.test.ts',
  'test/packaging/with-clamav.test.ts',
  'test/c/onescanc/answers.test.ts',
  'test/doors/queue/contract.test.ts',
  'test/packaging/states.test.ts',
  'test/scan/file-plugin/pool-faults.test.ts',
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
