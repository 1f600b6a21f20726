import t from 'tap'
import { findingLines, sumOf } from '../../../src/cli/shared/print-findings.ts'
import { error, type Finding, ok, warning } from '../../../src/ground/errors/finding.ts'
import { findProgram } from '../../programs/install.mjs'
import { reachable } from '../../programs/reachable.ts'
import { atTerminal } from '../../programs/terminal.ts'
import { asPlain, bundle, jsonIn, onescan } from '../onescan.ts'

/** The output of `onescan check`. */

t.test('texts are aligned, and a long name shifts only its own line', async (t) => {
  const findings = [
    ok('switch', 'on'),
    error('infected mail', 'is lost', 'mend it'),
    warning(`clamd ${'x'.repeat(40)}`, 'is slow', 'wait'),
  ]
  const lines = findingLines(findings.slice(0, 2), false)
  t.same(lines, ['ok              switch: on', 'error    infected mail: is lost; mend it'])
  const [first, second] = findingLines(findings, false)
  t.equal(first!.indexOf(': '), second!.indexOf(': '))
})

t.test('a finding is printed as one line, and is harmless in a terminal', async (t) => {
  const [line] = findingLines([error('a\nb', 'c\n  d \x1b[31m', 'e')], true)
  t.equal(line, '\x1b[1;31merror   \x1b[0m a b: c d \\u001b[31m; e')
})

t.test('the findings are counted', async (t) => {
  const findings = (errors: number, warnings: number): Finding[] => [
    ok('a', 'b'),
    ...new Array(errors).fill(error('a', 'b', 'c')),
    ...new Array(warnings).fill(warning('a', 'b', 'c')),
  ]
  t.equal(sumOf(findings(2, 1)), '2 errors, 1 warning')
  t.equal(sumOf(findings(1, 0)), '1 error')
  t.equal(sumOf(findings(0, 2)), '2 warnings')
  t.equal(sumOf(findings(0, 0)), 'all is well')
})

t.test('the worst findings come last, and JSON has the same words in the same order', async (t) => {
  const env = { QMAILHOME: '/nonexistent', QHPSI: 'plugin: eicar', SCANFAIL: 'accept' }
  const text = (await onescan(['check'], { env })).out
  const levels = text.split('\n').flatMap((line) => /^(ok|warning|error) /.exec(line)?.[1] ?? [])
  const order = ['ok', 'warning', 'error']
  const sorted = [...levels].sort((a, b) => order.indexOf(a) - order.indexOf(b))
  t.same(levels, sorted)
  t.ok(levels.includes('warning') && levels.includes('error'))
  const whole = await onescan(['check', '--json'], { env })
  const json = jsonIn<Finding>(whole.out).results
  const words = (whole: string) => whole.replace(/\d+ (MiB|ms)/g, '')
  const lines = text.trim().split('\n')
  t.same(findingLines(json, false).map(words), lines.slice(1, -1).map(words))
  t.equal(lines.at(-1), sumOf(json))
})

t.test('only a terminal gets colours', { skip: !findProgram('script') }, async (t) => {
  const check = [
    ...asPlain(),
    ...[process.execPath, bundle].map(reachable),
    `check --env QHPSI= --env QMAILHOME=/nonexistent`,
  ].join(' ')
  const colour = /\x1b\[1;31merror/
  t.match(atTerminal(`TERM=xterm NO_COLOR= ${check}`).output, colour)
  t.notMatch(atTerminal(`TERM=xterm NO_COLOR=1 ${check}`).output, '\x1b[')
  t.notMatch(atTerminal(`TERM=xterm ${check} | cat`).output, '\x1b[')
})
