import t from 'tap'
import { TapReader } from './tap-results.mjs'

type CaseResult = [string, string, string?]

/** Each case as [result, "file: name", why]. */
function read(tap: string): CaseResult[] {
  const results: CaseResult[] = []
  const reader = new TapReader(({ name: file, cases }) => {
    for (const { result, name, why } of cases) {
      results.push(why ? [result, `${file}: ${name}`, why] : [result, `${file}: ${name}`])
    }
  })
  for (const line of tap.split('\n')) reader.line(line)
  reader.end()
  return results
}

t.test('a case is a subtest without subtests, or an assertion in no subtest', async (t) => {
  t.same(
    read(`TAP version 14
# Subtest: a.test.ts
    # Subtest: outer
        # Subtest: inner
            ok 1 - should be equal
            ok 2 - should be equal
            1..2
        ok 1 - inner # time=2.4ms
        # Subtest: second
            ok 1 - should be equal
            1..1
        ok 2 - second # time=1ms
        1..2
    ok 1 - outer # time=31.9ms
    ok 2 - alone
    1..2
ok 1 - a.test.ts # time=51ms
# Subtest: b.test.ts
    # Subtest: only
        ok 1 - yes
        1..1
    ok 1 - only # time=1ms
    1..1
ok 2 - b.test.ts # time=5ms
1..2`),
    [
      ['passed', 'a.test.ts: outer > inner'],
      ['passed', 'a.test.ts: outer > second'],
      ['passed', 'a.test.ts: alone'],
      ['passed', 'b.test.ts: only'],
    ],
  )
})

t.test('a failure is reported once, and quoted output is not a result', async (t) => {
  t.same(
    read(`# Subtest: a.test.ts
    # Subtest: outer
        # Subtest: inner
            not ok 1 - nope \\# SKIP not
              ---
              source: |
                not ok 7 - quoted
              ...

            1..1
        not ok 1 - inner # time=1ms
        1..1
    not ok 1 - outer # time=2ms
    # Subtest: mixed
        not ok 1 - beside a subtest
        # Subtest: fine
            ok 1 - yes
            1..1
        ok 2 - fine # time=1ms
        1..2
    not ok 2 - mixed # time=2ms
    1..2
not ok 1 - a.test.ts # time=5ms`),
    [
      ['failed', 'a.test.ts: outer > inner'],
      ['passed', 'a.test.ts: mixed > fine'],
      ['failed', 'a.test.ts: mixed'],
    ],
  )
})

t.test('a skipped case is reported with its reason, at any depth', async (t) => {
  t.same(
    read(`# Subtest: a.test.ts
    ok 1 - whole # SKIP install Debian package swaks
    # Subtest: holds
        ok 1 - part # SKIP
        not ok 2 - later # TODO write it
        1..2
    ok 2 - holds # time=1ms
    1..2
ok 1 - a.test.ts # time=2ms
ok 2 - b.test.ts # SKIP no tests found`),
    [
      ['skipped', 'a.test.ts: whole', 'install Debian package swaks'],
      ['skipped', 'a.test.ts: holds > part'],
      ['skipped', 'a.test.ts: holds > later', 'write it'],
      ['passed', 'a.test.ts: holds'],
      ['skipped', 'b.test.ts: b.test.ts', 'no tests found'],
    ],
  )
})

t.test('a file that ends too early has failed', async (t) => {
  const unfinished = `# Subtest: a.test.ts
    # Subtest: dies
        not ok 1 - test unfinished
        1..1`
  t.same(read(`${unfinished}\nnot ok 1 - a.test.ts # time=2ms`), [['failed', 'a.test.ts: dies']])
  t.same(read(unfinished), [['failed', 'a.test.ts: dies']])
  t.same(read('# Subtest: a.test.ts\n    1..0\nnot ok 1 - a.test.ts # time=2ms'), [
    ['failed', 'a.test.ts: a.test.ts'],
  ])
})
