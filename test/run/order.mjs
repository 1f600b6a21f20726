/**
 * Test files that take longest, by the end of what `npm test` prints. They start first: a long file
 * that starts last would keep one processor busy while the other has nothing left to do. A name
 * that is missing here costs time, nothing else.
 */
const LONGEST = [
  'test/packaging/same-bytes.test.ts',
  'test/c/onescanc/cases.test.ts',
  'test/packaging/with-clamav.test.ts',
  'test/try/trial.test.ts',
  'test/programs/milter-dkim.test.ts',
  'test/cli/check/set-ups/onescand.test.ts',
  'test/load/hosts/faults.test.ts',
  'test/bench/under-fire.test.ts',
  'test/programs/recipient-forms.test.ts',
  'test/bench/readers/readers.test.ts',
  'test/cli/check/mail-servers/postfix.test.ts',
  'test/packaging/states.test.ts',
  'test/doors/slot/cases.test.ts',
  'test/doors/slot-socket/cases.test.ts',
  'test/doors/slot-socket/crowded-clamd.test.ts',
  'test/scan/hostile-grammar.test.ts',
  'test/scan/file-plugin/pool-faults.test.ts',
  'test/programs/milter-cluster.test.ts',
  'test/programs/milter-host-fields.test.ts',
  'test/doors/http/access.test.ts',
  'test/doors/daemon/process.test.ts',
  'test/cli/check/set-ups/servers.test.ts',
  'test/doors/milter/memory.test.ts',
  'test/verdicts/valkey/modes.test.ts',
  'test/packaging/administrator.test.ts',
  'test/packaging/hostile-package.test.ts',
  'test/expressions/check.test.ts',
  'test/doors/daemon/wake-one.test.ts',
  'test/second-reader/doors.test.ts',
  'test/cli/hostile/commands.test.ts',
]

/** The same names, those that take longest in front. */
export function longestFirst(names) {
  const first = LONGEST.filter((name) => names.includes(name))
  return [...first, ...names.filter((name) => !first.includes(name))]
}
