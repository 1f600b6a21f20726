/** Tests that `npm run test:all` runs, each night, and `npm test` does not; a folder ends in `/`. */
const NIGHTLY = [
  'test/tools/bench/',
  'test/tools/load/',
  'test/tools/mutants/built.test.ts',
  'test/packaging/arm64.test.ts',
  'test/packaging/autopkgtest.test.ts',
  'test/packaging/clean-build.test.ts',
  'test/packaging/container.test.ts',
  'test/packaging/pages.test.ts',
  'test/packaging/remedies.test.ts',
  'test/packaging/same-bytes.test.ts',
]

/** What stands there and is run each time: one look for truth under load, and one at random mail. */
const EACH_TIME = ['test/tools/bench/readers/readers.test.ts', 'test/tools/load/node.test.ts']

/** What else `test:all` has, in the tests that run each time (test/run/is-whole.ts). */
const MORE = [
  'each case on each build',
  'the package on two Debians and under lintian',
  'most random mails',
  'most ends of lines and splits of mail',
  'most hostile calls',
  'the largest memory',
  "most orders of ClamAV's packages",
  'most arrangements of MTAs and milters',
  'most broken set-ups of onescand and Postfix, and of Exim before its script',
  'most mails to a real clamd by descriptor',
  'most ways to write an address',
]

/** Test files that are run without test:all. */
export function withoutNightly(names) {
  const isNightly = (name) => NIGHTLY.some((start) => name.startsWith(start))
  return names.filter((name) => EACH_TIME.includes(name) || !isNightly(name))
}

/** One line about what was left out. */
export function leftOut(all, ran) {
  const rest = all.length - ran.length
  return `left to npm run test:all: ${rest} files (${NIGHTLY.join(', ')}), ${MORE.join(', ')}`
}
