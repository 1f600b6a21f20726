import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkExceptions } from '../../../../src/cli/check/daemon/exceptions.ts'
import { exceptionId, openExceptionUseFile } from '../../../../src/observe/live/exception-uses.ts'
import { loadRulesFrom } from '../../../../src/rules/load.ts'

/** Check reports exceptions that let nothing in for months. */

const DAY = 86_400_000
const START = 20_000 * DAY

/** A host with this policy, which onescand knows since START. `used` has the days of the last uses. */
function host(t: Test, policy: string, used: Readonly<Record<number, number>> = {}) {
  const directory = t.testdir()
  const [control, state] = [join(directory, 'control'), join(directory, 'state')]
  for (const path of [control, state]) mkdirSync(path)
  writeFileSync(join(control, 'onescan.policy'), policy)
  const { all } = loadRulesFrom(join(control, 'onescan.policy'))
  let now = START
  const kept = openExceptionUseFile(state, { now: () => now, log: (line) => t.fail(line) })
  kept.replaceAll(all)
  for (const [line, days] of Object.entries(used)) {
    now = START + days * DAY
    kept.noteUse(exceptionId(all.find((rule) => rule.line === Number(line))!)!)
  }
  kept.close()
  return (days: number, words = ['--state', state]) =>
    checkExceptions({ pid: '7', words, env: { CONTROLDIR: control } }, START + days * DAY)
}

const policy = 'to=a.org scan off\nfrom=b.org allow\n\nsignature=Win.* allow\n'

t.test('an exception is reported once it has let nothing in for 90 days', async (t) => {
  const look = host(t, policy, { 4: 60 })
  t.same(look(89), [])
  t.match(look(90), [
    {
      level: 'warning',
      what: 'policy by rule',
      value:
        /onescan\.policy line 2: allow has let nothing in since it was first seen, 90 days ago$/,
      remedy: /^remove the line/,
    },
  ])
  t.match(look(160), [{ value: /line 2: / }, { value: /line 4: allow has let nothing in for 100 days$/ }]) // biome-ignore format: a line
})

t.test('of very many unused exceptions ten are named', async (t) => {
  const look = host(t, Array.from({ length: 13 }, (_, i) => `from=${i}.org allow\n`).join(''))
  const found = look(91)
  t.equal(found.length, 11)
  t.match(found.at(-1)?.value, '3 more lines')
})

t.test(
  'an onescand that remembers no uses is reported, and a policy without exceptions is not',
  async (t) => {
    const look = host(t, policy)
    t.match(look(200, []), [{ level: 'ok', value: /it is not known .*: onescand 7 runs without --state/ }]) // biome-ignore format: a line
    t.match(look(200, ['--state=/nonexistent']), [
      { level: 'ok', value: /it is not known .*ENOENT/ },
    ])
    t.same(host(t, 'to=a.org scan off\n')(200), [])
  },
)
