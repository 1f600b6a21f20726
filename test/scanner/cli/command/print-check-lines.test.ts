import t from 'tap'
import {
  type CheckLine,
  failure,
  following,
  marked,
  ok,
  warning,
} from '../../../../src/base/check/check-line.ts'
import { printCheckLines } from '../../../../src/scanner/cli/command/print-check-lines.ts'
import { Output } from '../../../../src/scanner/cli/command/run-command.ts'
import { lacks } from '../../../needs.mjs'
import { reachable } from '../../../programs/host/reachable.ts'
import { atTerminal } from '../../../programs/host/terminal.ts'
import { asPlain, bundle, jsonIn, onescan } from '../onescan.ts'

/** The output of `onescan check`. */

/** Returns the lines that people see of these, the last of which is the sum. */
async function linesOf(checkLines: readonly CheckLine[], ...untested: readonly string[]) {
  const lines: string[] = []
  class Recorded extends Output {
    override text(text: string): void {
      lines.push(text.trimEnd())
    }
    override safeLine(line: string): void {
      lines.push(line)
    }
  }
  async function* arriving() {
    yield* checkLines
  }
  await printCheckLines(arriving(), new Recorded('check', false), undefined, untested)
  return lines
}

t.test('texts are aligned, and a long name shifts only its own line', async (t) => {
  const lines = await linesOf([
    ok('scanning', 'not disabled'),
    failure('infected mail', 'is lost', 'mend it'),
    warning(`clamd ${'x'.repeat(40)}`, 'is slow', 'wait'),
  ])
  t.same(lines.slice(1, 3), ['error             infected mail: is lost', '         fix: mend it'])
  const [first, second, third] = lines
    .filter((line) => !/^ +fix/.test(line))
    .map((line) => line.indexOf(': '))
  t.equal(first, second)
  t.ok(third! > second!)
})

t.test('a finding and its remedy are a line each, and are harmless in a terminal', async (t) => {
  const [found, remedy] = await linesOf([failure('a\nb', 'c\n  d \x1b[31m', 'e\nf \x1b[31m')])
  t.match(found, /^error {4} +a b: c d \\u001b\[31m$/)
  t.equal(remedy, '         fix: e f \\u001b[31m')
})

t.test('a carriage return in a setting is seen', async (t) => {
  const [line] = await linesOf([failure('QHPSI', 'plugin: clamd\r', 'correct it')])
  t.match(line, /clamd\\r$/)
})

t.test('the findings are counted', async (t) => {
  const sumOf = async (errors: number, warnings: number, ...untested: readonly string[]) => {
    const checkLines = [
      ok('a', 'b'),
      ...Array.from({ length: errors }, (_, at) => failure('a', `b${at}`, 'c')),
      ...Array.from({ length: warnings }, (_, at) => warning('a', `b${at}`, 'c')),
    ]
    return (await linesOf(checkLines, ...untested)).at(-1)
  }
  t.equal(
    await sumOf(2, 1),
    '2 errors, 1 warning; begin with the first error, and run this check again',
  )
  t.equal(await sumOf(1, 0), '1 error')
  t.equal(await sumOf(0, 2), '2 warnings')
  t.equal(await sumOf(0, 0), 'no problems found')
  t.equal(
    await sumOf(0, 1, 'Postfix', 'Exim'),
    '1 warning; this check sent no mail through Postfix, Exim: onescan check --mail ADDRESS does',
  )
})

t.test('JSON has the same words in the same order', async (t) => {
  const env = { QMAILHOME: '/nonexistent', QHPSI: 'plugin: eicar', SCANFAIL: 'accept' }
  const text = (await onescan(['check'], { env })).out
  const whole = await onescan(['check', '--json'], { env })
  const json = jsonIn<CheckLine>(whole.out).results
  const words = (whole: string) => whole.replace(/[\d.]+ (MiB|m?s)\b/g, '')
  const lines = text.trim().split('\n')
  t.same((await linesOf(json)).map(words), lines.slice(1).map(words))
})

t.test('findings are printed as they arrive, and repeated ones once', async (t) => {
  const come = [failure('a', 'is lost', 'mend it'), failure('b', 'is lost', 'mend it')]
  const printed: object[] = []
  class Recorded extends Output {
    override async result(value: object): Promise<void> {
      printed.push(value)
    }
    override sum(numbers: Readonly<Record<string, number>>): void {
      printed.push(numbers)
    }
  }
  async function* checkLines() {
    yield* come
    t.same(printed, [come[0]], 'before the last one has come')
    yield { ...warning('c', 'defers', 'see a'), follows: ['nothing scans'] } as const
  }
  t.equal(await printCheckLines(checkLines(), new Recorded('check', true)), 2)
  t.same(printed.at(-1), { errors: 1, warnings: 1 })
})

t.test('what follows from a finding has no remedy, and is printed if it is worse', async (t) => {
  const cause = marked(warning('clamd', 'is another one', 'stop it'), 'needs signatures')
  const worse = following(failure('scanner', 'finds nothing', 'update it'), 'needs signatures')
  const repeated = following(warning('onescand', 'is wrong', 'read its log'), 'needs signatures')
  t.same(
    (await linesOf([cause, worse, repeated])).map((line) => line.trim().replace(/ {2,}/, ' ')),
    [
      'warning clamd: is another one',
      'fix: stop it',
      'error scanner: finds nothing',
      '1 error, 1 warning',
    ],
  )
  t.match((await linesOf([worse]))[1], /fix: update it$/, 'without its cause')
})

t.test('only a terminal gets colours', { skip: lacks('script') }, async (t) => {
  const check = [
    ...asPlain(),
    ...[process.execPath, bundle].map(reachable),
    `check --env QHPSI= --env QMAILHOME=/nonexistent`,
  ].join(' ')
  const colour = /\x1b\[1;31merror {3}\x1b\[0m +/
  t.match(atTerminal(`TERM=xterm NO_COLOR= ${check}`).output, colour)
  t.notMatch(atTerminal(`TERM=xterm NO_COLOR=1 ${check}`).output, '\x1b[')
  t.notMatch(atTerminal(`TERM=xterm ${check} | cat`).output, '\x1b[')
})
