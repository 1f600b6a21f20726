import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import type { Summary } from '../../../../src/doors/observe/report/tally.ts'
import { jsonIn, onescan } from '../../../cli/onescan.ts'
import { findProgram } from '../../../programs/install.mjs'
import { tai64n, told } from '../log/lines.ts'
import { madeLog, START } from './log.ts'

/** `onescan report` sums up the log. */

const env = { TZ: 'UTC', LANG: 'C.UTF-8' }

async function json(input: string, ...words: string[]): Promise<Summary> {
  const { out, err, code } = await onescan(['report', '--json', ...words], { input, env })
  if (code !== 0) throw new Error(err)
  return jsonIn<Summary>(out).results[0]!
}

t.test('every message is counted once, by its decision and its scan', async (t) => {
  const summary = await json(madeLog(1000))
  t.match(summary, {
    messages: 900,
    recipientsDeferred: 100,
    decisions: { accept: 700, quarantine: 0, reject: 100, defer: 100, discard: 0, pass: 0 },
    scans: { clean: 300, infected: 100, unknown: 100, skipped: 0, trusted: 300, known: 100 },
    spared: { stamps: 300, verdicts: 100 },
  })
  t.equal(summary.first, START * 1000)
  t.same(
    summary.days.map(({ messages }) => messages),
    [648, 252],
  )
  t.same(summary.viruses, [
    { name: 'Virus.0', count: 34 },
    { name: 'Virus.1', count: 33 },
    { name: 'Virus.2', count: 33 },
  ])
  t.same(summary.deferrals, [
    { name: 'unscanned: clamd #.#.#.#:#: connect ECONNREFUSED', count: 100 },
  ])
  t.same(summary.overQuota, [{ name: '<to2@example.net>', count: 100 }])
  t.equal(summary.scanTime.max, 20)
  t.ok(Math.abs(summary.scanTime.p50 - 18) < 2, `${summary.scanTime.p50}`)
  t.equal(summary.slowest[0]?.milliseconds, 20)
})

t.test('mail that went cold is counted once, and the causes are summed up', async (t) => {
  const cold =
    'onescan: decision=cold reason="onescand at /run/s: Connection refused" total_ms=1.0\n'
  const silent =
    'onescan: decision=cold reason="onescand: is silent for too long" total_ms=1000.1\n'
  const log = `${cold}${told({ id: 'a' })}${cold}${told({ id: 'b' })}${silent}${told({ id: 'c' })}`
  const summary = await json(log)
  // The first line of all has neither time nor host, and is of a period as any other.
  t.match(summary, { messages: 3, decisions: { accept: 3, defer: 0 }, lines: 6 })
  t.same(summary.wentCold, [
    { name: 'onescand at /run/s: Connection refused', count: 2 },
    { name: 'onescand: is silent for too long', count: 1 },
  ])
  const { out } = await onescan(['report'], { input: log, env })
  t.match(out, /Went cold for\n +2 onescand at \/run\/s: Connection refused\n/)
})

t.test('of more than 20,000 names the later ones count together', async (t) => {
  const refused = (virus: string) => told({ decision: 'reject', more: [['virus', virus]] })
  const often = Array.from({ length: 300 }, (_, n) => refused(`Often${n % 3}`))
  const rare = Array.from({ length: 30_000 }, (_, n) => refused(`V${n}`))
  const { viruses } = await json([...often, ...rare].join(''))
  t.same(viruses.slice(0, 4), [
    { name: '(others)', count: 10_003 },
    { name: 'Often0', count: 100 },
    { name: 'Often1', count: 100 },
    { name: 'Often2', count: 100 },
  ])
})

t.test(
  'the time that was spared is counted by the mean of the scans that came to an answer',
  async (t) => {
    const scan = (word: string, time: string) =>
    told({ id: 'a', more: [['scan', word], ['scan_ms', time]] }) // biome-ignore format: a line
    const known = told({ id: 'a', more: [['scan', 'known']] })
    const log = [scan('clean', '10.0'), scan('infected', '20.0'), known, known]
    for (let n = 0; n < 10; n++) log.push(scan('unknown', '150000.0'))
    const { spared, scanTime } = await json(log.join(''))
    t.same(spared, { stamps: 0, verdicts: 2, mean: 15, milliseconds: 30 })
    t.equal(scanTime.max, 150_000, 'all of them took their time')
    const { out } = await onescan(['report'], { input: log.join(''), env })
    t.match(out, 'at 15 ms each 30 ms')
  },
)

t.test(
  'awk counts the same in the same log',
  { skip: !findProgram('awk') && 'install mawk' },
  async (t) => {
    const input = madeLog(3000)
    const program = '!/ quota=/ { n[$3]++ } END { for (k in n) print k, n[k] }'
    const { stdout } = spawnSync('awk', [program], { input, encoding: 'utf8' })
    const { decisions } = await json(input)
    for (const line of stdout.trim().split('\n')) {
      const [, word, count] = /^decision=(\w+) (\d+)$/.exec(line)!
      t.equal(decisions[word as 'accept'], Number(count), word!)
    }
  },
)

t.test('with a span of time, only its lines are counted', async (t) => {
  const log = madeLog(1000)
  const { messages, days } = await json(log, '--since', '2026-11-19', '--until', '2026-11-19 01:00')
  t.equal(messages, 54)
  t.equal(days.length, 1)
})

t.test('hosts are counted apart, in one log and in several', async (t) => {
  const of = (host: string, count: number) =>
    madeLog(count).replaceAll(/(?<=^\S+ )(?=onescan:)/gm, `${host} `)
  const logs = { first: of('mx1', 100), second: of('mx2', 50) }
  const directory = t.testdir(logs)
  for (const summary of [
    await json('', join(directory, 'first'), join(directory, 'second')),
    await json(logs.first + logs.second),
  ]) {
    t.same(
      summary.days.map(({ host, messages }) => [host, messages]),
      [
        ['mx1', 90],
        ['mx2', 45],
      ],
    )
  }
})

t.test('the acts of smtp-delay are counted from its own lines', async (t) => {
  const line = (event: string) => `onescan: program=smtp-delay event=${event} remote=192.0.2.1\n`
  const summary = await json(`${line('left')}${line('passed')}${line('left')}`)
  t.equal(summary.messages, 0)
  t.same(summary.greetings, [
    { name: 'left', count: 2 },
    { name: 'passed', count: 1 },
  ])
})

t.test(
  'clocks that jump, lines without a time and forged lines do not spoil the counts',
  async (t) => {
    const log = [
      `${tai64n(START)} ${told({ id: 'a' })}`,
      `${tai64n(START - 10 * 365 * 86_400)} ${told({ id: 'b' })}`,
      told({ id: 'c" decision=reject scan=infected virus="X' }),
      `@400000zz ${told({ id: 'd' })}`,
      'onescan: decision=accept scan_ms=1e99 scan=clean scan_ms=NaN\n',
      'onescan: decision=nonsense scan=nonsense\n',
      '\0\xff\x80\n',
    ]
    const summary = await json(log.join(''))
    t.match(summary, { messages: 5, decisions: { accept: 4, reject: 0 }, viruses: [] })
    t.equal(summary.days.length, 3)
  },
)

t.test('made-up hosts and times are counted in bounded memory', async (t) => {
  const lines = Array.from({ length: 30_000 }, (_, n) => {
    return `${tai64n(START + n * 3600)} host${n} onescan[1]: onescan: decision=reject virus=V${n}\n`
  })
  const { messages, days, viruses } = await json(lines.join(''))
  t.equal(messages, 30_000)
  t.ok(days.length <= 20_001)
  t.match(viruses[0], { name: '(others)', count: 10_000 })
})

t.test('as text there are sections, and text of strangers is harmless in them', async (t) => {
  const virus = Buffer.from('\x1b[2J\n\u202e<x>').toString('latin1')
  const input = madeLog(1000) + told({ decision: 'reject', more: [['virus', virus]] })
  const { bytes } = await onescan(['report'], { input, env })
  const out = bytes.toString()
  t.match(out, /^onescan: 901 messages from 2026-11-18 to 2026-11-19\n/)
  t.match(out, '  reject            101   11 %\n')
  t.match(out, 'stamps 300 and remembered verdicts 100 saved 44 % of all scans')
  t.match(out, '\n          34 Virus.0\n')
  t.match(out, ' 1 \\u001b[2J\\n\\u202e<x>\n')
  t.notMatch(out, '\x1b')
})
