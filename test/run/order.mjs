/**
 * Test files that take longest, by the end of what `npm test` prints. They start first: a long file
 * that starts last would keep one processor busy while the other has nothing left to do. A name
 * that is missing here costs time, nothing else.
 */
const LONGEST = [
  'test/packaging/same-bytes.test.ts',
  'test/packaging/states.test.ts',
  'test/packaging/with-clamav.test.ts',
  'test/programs/recipient-forms.test.ts',
  'test/doors/clamd/files.test.ts',
  'test/doors/ordinary.test.ts',
  'test/doors/shared/long-steps.test.ts',
  'test/scan/quarantine/release-killed.test.ts',
  'test/doors/milter/cases.test.ts',
  'test/doors/smtp/cases.test.ts',
  'test/doors/slot/cases.test.ts',
  'test/cli/bans.test.ts',
  'test/doors/clamd/uploads.test.ts',
  'test/doors/smtp/lying-next-server.test.ts',
  'test/doors/slot/contract.test.ts',
  'test/mail/mime/decoders/charsets.test.ts',
  'test/scan/scanners/attachments/search.test.ts',
  'test/mail/mime/containers/containers.test.ts',
  'test/tools/second-reader/doors.test.ts',
  'test/packaging/installed.test.ts',
  'test/tools/bench/readers/readers.test.ts',
  'test/packaging/hostile-package.test.ts',
  'test/cli/hostile/commands.test.ts',
  'test/packaging/booted.test.ts',
  'test/tools/load/hosts/faults.test.ts',
  'test/cli/quarantine/quarantine.test.ts',
  'test/programs/milter-dkim.test.ts',
  'test/cli/check/states/postfix.test.ts',
  'test/c/onescanc/bad-settings.test.ts',
  'test/packaging/npm.test.ts',
  'test/c/onescanc/contract.test.ts',
  'test/tools/expressions/check.test.ts',
  'test/c/onescanc/faults.test.ts',
  'test/cli/check/set-ups/servers.test.ts',
  'test/doors/smtp/large.test.ts',
  'test/quotad/sources/dovecot.test.ts',
  'test/c/onescanc/answers.test.ts',
  'test/scan/scanners/evasions.test.ts',
  'test/scan/scanners/file-plugin/pool-faults.test.ts',
  'test/c/onescanc/bounces.test.ts',
  'test/cli/check/set-ups/onescand.test.ts',
  'test/packaging/activation.test.ts',
  'test/daemon/http/page.test.ts',
  'test/protocol/valkey/modes.test.ts',
  'test/programs/attacks.test.ts',
  'test/tools/try/trial.test.ts',
  'test/packaging/administrator.test.ts',
]

/** The same names, those that take longest in front. */
export function longestFirst(names) {
  const first = LONGEST.filter((name) => names.includes(name))
  return [...first, ...names.filter((name) => !first.includes(name))]
}
