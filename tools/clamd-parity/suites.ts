/** Programs for which others wrote tests, and how these run against a clamd at its usual places. */

export interface Suite {
  /** Where its repository or package is known. */
  readonly source: string
  /** Run by a shell in a copy of its files. clamd listens at /run/clamav/clamd.ctl and 127.0.0.1:3310. */
  readonly command: string
  /** The name of a test in a line of the output, and its outcome. */
  readonly line: RegExp
  /** Whether an outcome is good. */
  readonly isPassed: (outcome: string | undefined, line: string) => boolean
}

export const suites: Readonly<Record<string, Suite>> = {
  'python-clamd': {
    source: 'github.com/graingert/python-clamd',
    // Newer versions of pytest call setup_method() alone.
    command: `sed -i 's/def setup(self)/def setup_method(self)/' src/tests/*.py
      PYTHONPATH=src python3 -m pytest -v -p no:cacheprovider src/tests`,
    line: /^\S+::(\S+::\S+) (PASSED|FAILED|ERROR)/,
    isPassed: (outcome) => outcome === 'PASSED',
  },
  'clamav-client': {
    source: 'github.com/franckverrot/clamav-client (Ruby)',
    command: `CLAMD_UNIX_SOCKET=/run/clamav/clamd.ctl CLAMD_TCP_HOST=127.0.0.1 CLAMD_TCP_PORT=3310 \
      ruby -Ilib -Itest -e 'Dir["test/**/*_test.rb"].sort.each { |file| require "./" + file }' -- -v`,
    line: /^(\S.*#test_.*?) = [0-9.]+ s = (\S)/,
    isPassed: (outcome) => outcome === '.',
  },
  clamscan: {
    source: 'github.com/kylefarris/clamscan, or npm',
    command: `npm install --no-audit --no-fund --ignore-scripts >/dev/null
      sed -i "s#socket: .*clamd.*sock.*#socket: '/run/clamav/clamd.ctl',#" tests/test_config.js
      npx mocha --reporter tap --timeout 60000 tests/index.js`,
    line: /^(?:not )?ok \d+ (.*)$/,
    isPassed: (_, line) => line.startsWith('ok '),
  },
}
