import { join } from 'node:path'
import t from 'tap'
import type { Summary } from '../../../../src/scanner/observe/report/tally.ts'
import { jsonIn, onescan } from '../../cli/onescan.ts'
import { decisionLine } from '../../log/lines.ts'
import { madeLog } from './log.ts'

/** `onescan report` sums up the log; what it counts, tally.test.ts shows. */

const env = { TZ: 'UTC', LANG: 'C.UTF-8' }

async function json(input: string, ...words: string[]): Promise<Summary> {
  const { out, err, code } = await onescan(['report', '--json', ...words], { input, env })
  if (code !== 0) throw new Error(err)
  return jsonIn<Summary>(out).results[0]!
}

t.test('with a span of time, only its lines are counted', async (t) => {
  const log = madeLog(1000)
  const { messages, days } = await json(
    log,
    '-',
    '--since',
    '2026-11-19',
    '--until',
    '2026-11-19 01:00',
  )
  t.equal(messages, 54)
  t.equal(days.length, 1)
})

t.test('several logs are named', async (t) => {
  const directory = t.testdir({ first: madeLog(100), second: madeLog(50) })
  const { messages } = await json('', join(directory, 'first'), join(directory, 'second'))
  t.equal(messages, 135)
})

t.test('the text has sections, and text of strangers is harmless in it', async (t) => {
  const virus = Buffer.from('\x1b[2J\n\u202e<x>').toString('latin1')
  const input = madeLog(1000) + decisionLine({ decision: 'reject', more: [['virus', virus]] })
  const { bytes } = await onescan(['report', '-'], { input, env })
  const out = bytes.toString()
  t.match(out, /^onescan: 901 messages from 2026-11-18 to 2026-11-19\n/)
  t.match(out, '  reject            101   11 %\n')
  t.match(out, 'stamps 300 and cached verdicts 100 saved 44 % of all scans')
  t.match(out, '\n          34 Virus.0\n')
  t.match(out, ' 1 \\u001b[2J\\n\\u202e<x>\n')
  t.notMatch(out, '\x1b')
})
