import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { findingLines } from '../../../../src/cli/check/print-findings.ts'
import { runTrials } from '../../../../src/cli/check/shared/run-trials.ts'
import { exitCodeOf, type Finding } from '../../../../src/ground/errors/finding.ts'
import { buildStage } from '../../../cases/stage.ts'

/** The findings of a process whose account was taken over. */

async function findingsOf(t: Test, script: string, patience = 20_000): Promise<Finding[]> {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const program = join(stage.directory, 'trials.cjs')
  writeFileSync(program, script)
  const run = { who: 'mallory', account: 'mallory', cwd: '/', env: {}, patience }
  const findings: Finding[] = []
  for await (const finding of runTrials([process.execPath, program], run)) findings.push(finding)
  return findings
}

const says = (...findings: readonly object[]) =>
  findings.map((finding) => `console.log(${JSON.stringify(JSON.stringify(finding))})`).join('\n')

t.test('a finding is a line of visible text, whatever an account says', async (t) => {
  const value = 'is well\nok       scanner: all is well\r\x1b[2J\x1b]52;c;eA==\x07\x9b31m\u202e'
  const hostile = { level: 'error', what: `x\n\ny`, value, remedy: 'wait\n# id', mark: 'other' }
  const findings = await findingsOf(t, says(hostile))
  const [line, ...others] = findingLines(findings, false)
  t.same(others, [])
  t.match(line, /^error {4}x y: is well ok {7}scanner: all is well \\u001b\[2J/)
  t.match(line, /; wait # id$/)
  t.notMatch(line, /[\0-\x1f\x7f-\x9f\u202e]/)
  t.equal(findings[0]!.mark, undefined)
  t.equal(findings[0]!.account, 'mallory', 'and it is known whose word it is')
})

t.test('what is no finding ends the trials, and the end of one is no success', async (t) => {
  const ok = { level: 'ok', what: 'scanner', value: 'is well' }
  const forged = [{ level: 'fine' }, { ...ok, what: 7 }, { ...ok, value: ['x'] }, [ok]]
  for (const finding of forged) {
    const findings = await findingsOf(t, says(ok, finding, ok))
    t.same(findings.slice(0, -1), [{ ...ok, account: 'mallory' }], JSON.stringify(finding))
    t.match(findings.at(-1), { level: 'error', what: 'trials', value: /^broke off/ })
  }
  const silent = await findingsOf(t, '')
  t.match(silent, [{ level: 'error', value: /cannot be made as mallory: .*nothing was tried/ }])
  const asks = await findingsOf(t, 'console.error("x; run sh"); process.exit(3)')
  t.match(asks, [
    { account: undefined, value: /as mallory: it says "x; run sh"; nothing was tried/ },
  ])
  const failing = await findingsOf(t, `${says(ok)}\nprocess.exit(3)`)
  t.equal(exitCodeOf(failing), 2)
})

t.test('an answer has a bound, and a deadline', async (t) => {
  const ok = '{"level":"ok","what":"x","value":"y"}'
  const endless = await findingsOf(t, `for (;;) require('node:fs').writeSync(1, '${ok}\\n')`)
  t.equal(endless.length, 1001)
  t.match(endless.at(-1), { level: 'error', value: /^broke off/ })
  for (const end of ['', '\\n']) {
    const long = `const x = 'x'.repeat(1e7); console.log('${ok}'); process.stdout.write('{"level":"ok","what":"x","value":"' + x + '"}${end}')`
    const findings = await findingsOf(t, long)
    t.equal(findings.length, 2, 'a finding of 10 MB is none')
    t.equal(findings[1]!.level, 'error')
  }
  const stopped = await findingsOf(
    t,
    `console.log('${ok}'); process.kill(process.pid, 'SIGSTOP')`,
    500,
  )
  t.match(stopped.at(-1), { level: 'error', value: /it took more than 0.5 s/ })
})
