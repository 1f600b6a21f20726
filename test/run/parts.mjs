// The tests in three parts: what `npm test` runs, what `npm run test:all` adds, and what `npm run test:nightly` adds
// to both. A folder ends in `/`.
import { LONG_FILES } from './long-files.mjs'

/**
 * The tests that only `npm run test:all` runs, in addition to LONG_FILES: packages, real mail servers, set-ups of hosts,
 * pages and tools. `npm test` runs the tests that show that the product works.
 */
const REST = [
  'test/packaging/',
  'test/programs/',
  'test/tools/',
  'test/documents/',
  'test/c/',
  'test/quota/onescan-rcptquota/',
  'test/scanner/cli/check/',
  'test/scanner/cli/hostile/',
  'test/scanner/cli/root/',
  'test/scanner/cli/quarantine/',
  'test/scanner/desk/',
]

/** Exceptions that `npm test` runs: each interface with each kind of case, and one real clamd. */
const QUICK_TOO = [
  'test/c/onescanc/cases.test.ts',
  'test/c/onescanc/contract.test.ts',
  'test/scanner/cli/main.test.ts',
  'test/scanner/daemon/process.test.ts',
  'test/delay/delay.test.ts',
  'test/scanner/doors/milter/cases.test.ts',
  'test/scanner/doors/slot/cases.test.ts',
  'test/scanner/doors/slot/contract.test.ts',
  'test/scanner/doors/slot/socket/cases.test.ts',
  'test/scanner/doors/smtp/cases.test.ts',
  'test/mail/mime/contents.test.ts',
  'test/mail/mime/containers/containers.test.ts',
  'test/programs/clamd/clamd.test.ts',
]

/** The tests that only `npm run test:nightly` runs. */
const NIGHTLY = [
  'test/tools/bench/',
  'test/tools/load/',
  'test/tools/mutants/built.test.ts',
  'test/packaging/arm64.test.ts',
  'test/packaging/autopkgtest.test.ts',
  'test/packaging/clamd-clients.test.ts',
  'test/packaging/clean-build.test.ts',
  'test/packaging/container.test.ts',
  'test/packaging/delay-way.test.ts',
  'test/packaging/host-ways.test.ts',
  'test/packaging/pages.test.ts',
  'test/packaging/remedies.test.ts',
  'test/packaging/same-bytes.test.ts',
  'test/packaging/upgrade-rpm.test.ts',
  'test/packaging/upgrade.test.ts',
]

/** Exceptions that always run: one test under load, and one with random mail. */
const EACH_TIME = ['test/tools/bench/readers/readers.test.ts', 'test/tools/load/node.test.ts']

/** The additional cases of `test:nightly` in tests that always run (test/run/is-whole.ts). */
const MORE = [
  'each case on each build',
  'the package on two Debians and under lintian',
  'most random mails',
  'most mails that are made to be costly, for their steps, their price and their memory',
  'most sizes of mail, bundles of messages, and ordinary mail by SMTP',
  "the count of the corpus by rspamd's modules",
  'a second width of the pages',
  'most ends of lines and splits of mail',
  'most hostile calls',
  'the largest memory',
  "most orders of ClamAV's packages",
  'most arrangements of MTAs and milters',
  'most broken set-ups of onescand and Postfix, and of Exim before its script',
  'most mails to a real clamd by descriptor',
  'most mails that hide a file, through programs that ask clamd',
  'most ways to write an address',
  'ten thousand idle sessions of MTAs',
]

const standsIn = (list) => (name) => list.some((start) => name.startsWith(start))
const isNightly = (name) => standsIn(NIGHTLY)(name) && !EACH_TIME.includes(name)
const isQuick = (name) =>
  QUICK_TOO.includes(name) || (!standsIn(REST)(name) && LONG_FILES[name] === undefined)

/** Returns the files of a part: quick, rest, all (quick and rest) or nightly (everything). */
export function filesOf(part, all) {
  const daily = all.filter((name) => !isNightly(name))
  return {
    quick: daily.filter(isQuick),
    rest: daily.filter((name) => !isQuick(name)),
    all: daily,
    nightly: all,
  }[part]
}

/** Returns lines about the tests that a part omits. */
export function leftOut(part, all) {
  const count = (other) => filesOf(other, all).length
  const lines = []
  if (part === 'quick') {
    const rest = count('all') - count('quick')
    lines.push(`left to npm run test:all: ${rest} files (${REST.join(', ')}, and what takes long)`)
  }
  if (part !== 'nightly') {
    const rest = count('nightly') - count('all')
    lines.push(
      `left to npm run test:nightly: ${rest} files (${NIGHTLY.join(', ')}), ${MORE.join(', ')}`,
    )
  }
  return lines
}
