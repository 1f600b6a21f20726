import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findLog, readLogs } from '../../../../src/scanner/log/read-log.ts'
import { formatReport } from '../../../../src/scanner/observe/report/format-report.ts'
import { type Summary, Tally } from '../../../../src/scanner/observe/report/tally.ts'
import { lacks } from '../../../needs.mjs'
import { decisionLine, tai64n } from '../../log/lines.ts'
import { madeLog, START } from './log.ts'

/** What is counted of a log: of it all, as `onescan report` does. */

process.env.TZ = 'UTC'
const directory = t.testdir({})

async function sumUp(...logs: readonly string[]): Promise<Summary> {
  const tally = new Tally()
  const files = logs.flatMap((log, at) => {
    const path = join(directory, String(at))
    writeFileSync(path, log, 'latin1')
    return findLog(path)
  })
  const warn = (text: string) => t.fail(text)
  for await (const records of readLogs(files, {
    prefilter: /onescan/,
    matches: () => true,
    warn,
  })) {
    for (const record of records) tally.add(record)
  }
  return tally.summary()
}

const textOf = (summary: Summary) => formatReport(summary, String)

t.test('mail of check counts in no figure', async (t) => {
  const about = { from: '<a@x>', to: '<b@x>' }
  const own = decisionLine({ ...about, id: '<1234@check.onescan.invalid>' })
  t.same(await sumUp(own), await sumUp(''))
})

t.test('each ground on which mail is refused or tagged has a row', async (t) => {
  const about = { id: '<1@x>', from: '<a@x>', to: '<b@x>' }
  const more = (grounds: string) => [['grounds', grounds]] as const
  const lines = [
    ...['encrypted', 'encrypted', 'macros', 'banned'].map((grounds) =>
      decisionLine({ decision: 'reject', ...about, more: more(grounds) }),
    ),
    decisionLine({ decision: 'accept', ...about, more: more('unwanted') }),
    decisionLine({ decision: 'accept', ...about, more: [] }),
    decisionLine({ decision: 'defer', ...about, more: more('unscanned') }),
  ]
  const summary = await sumUp(lines.join(''))
  t.same(summary.grounds.map(({ name, count }) => `${count} ${name}`).sort(), [
    '1 banned',
    '1 macros',
    '1 unwanted',
    '2 encrypted',
  ])
  t.match(textOf(summary), /^Reasons for refusing, quarantining or tagging\n {2} +2 encrypted$/m)
})

t.test('every message is counted once, by its decision and its scan', async (t) => {
  const summary = await sumUp(madeLog(1000))
  t.match(summary, {
    messages: 900,
    recipientsDeferred: 100,
    decisions: { accept: 700, quarantine: 0, reject: 100, defer: 100, discard: 0, pass: 0 },
    scans: { clean: 300, infected: 100, unknown: 100, skipped: 0, trusted: 300, cached: 100 },
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
  t.same(summary.grounds, [{ name: 'virus', count: 100 }])
  t.same(summary.deferrals, [
    { name: 'unscanned: clamd 127.0.0.1:33991: connect ECONNREFUSED', count: 100 },
  ])
  t.same(summary.overQuota, [{ name: '<to2@example.net>', count: 100 }])
  t.match(textOf(summary), /^ {2}2026-11-18 +648 {2}\d+ refused, \d+ deferred, scan /m)
  t.equal(summary.scanTime.max, 20)
  t.ok(Math.abs(summary.scanTime.p50 - 18) < 2, `${summary.scanTime.p50}`)
  t.equal(summary.slowest[0]?.milliseconds, 20)
})

t.test(
  'mail that was scanned standalone is counted once, and the causes are summed up',
  async (t) => {
    const standalone =
      'onescan: decision=standalone reason="onescand at /run/s: Connection refused" total_ms=1.0\n'
    const silent =
      'onescan: decision=standalone reason="onescand: is silent for too long" total_ms=1000.1\n'
    const log = `${standalone}${decisionLine({ id: 'a' })}${standalone}${decisionLine({ id: 'b' })}${silent}${decisionLine({ id: 'c' })}`
    const summary = await sumUp(log)
    // The first line of all has neither time nor host, and is of a period as any other.
    t.match(summary, { messages: 3, decisions: { accept: 3, defer: 0 }, lines: 6 })
    t.same(summary.wentStandalone, [
      { name: 'onescand at /run/s: Connection refused', count: 2 },
      { name: 'onescand: is silent for too long', count: 1 },
    ])
    t.match(
      textOf(summary),
      /Reasons for scans without onescand\n +2 onescand at \/run\/s: Connection refused\n/,
    )
  },
)

t.test('names beyond 20,000 count together', async (t) => {
  const refused = (virus: string) => decisionLine({ decision: 'reject', more: [['virus', virus]] })
  const often = Array.from({ length: 300 }, (_, n) => refused(`Often${n % 3}`))
  const rare = Array.from({ length: 30_000 }, (_, n) => refused(`V${n}`))
  const { viruses } = await sumUp([...often, ...rare].join(''))
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
    decisionLine({ id: 'a', more: [['scan', word], ['scan_ms', time]] }) // biome-ignore format: a line
    const known = decisionLine({ id: 'a', more: [['scan', 'cached']] })
    const log = [scan('clean', '10.0'), scan('infected', '20.0'), known, known]
    for (let n = 0; n < 10; n++) log.push(scan('unknown', '150000.0'))
    const summary = await sumUp(log.join(''))
    const { spared, scanTime } = summary
    t.same(spared, { stamps: 0, verdicts: 2, mean: 15, milliseconds: 30 })
    t.equal(scanTime.max, 150_000, 'all of them took their time')
    t.match(textOf(summary), 'at 15 ms each 30 ms')
  },
)

t.test('awk counts the same in the same log', { skip: lacks('awk') }, async (t) => {
  const input = madeLog(3000)
  const program = '!/ quota=/ { n[$3]++ } END { for (k in n) print k, n[k] }'
  const { stdout } = spawnSync('awk', [program], { input, encoding: 'utf8' })
  const { decisions } = await sumUp(input)
  for (const line of stdout.trim().split('\n')) {
    const [, word, count] = /^decision=(\w+) (\d+)$/.exec(line)!
    t.equal(decisions[word as 'accept'], Number(count), word!)
  }
})

t.test('hosts are counted apart, in one log and in several', async (t) => {
  const of = (host: string, count: number) =>
    madeLog(count).replaceAll(/(?<=^\S+ )(?=onescan:)/gm, `${host} `)
  const [first, second] = [of('mx1', 100), of('mx2', 50)]
  for (const summary of [await sumUp(first, second), await sumUp(first + second)]) {
    t.same(
      summary.days.map(({ host, messages }) => [host, messages]),
      [
        ['mx1', 90],
        ['mx2', 45],
      ],
    )
  }
})

t.test('days are ordered, followed by lines without a time', async (t) => {
  const tally = new Tally()
  const fields = new Map([['decision', 'accept']])
  const days = ['2026-11-20', '', '2026-11-19', '2026-11-18']
  for (const [at, day] of days.entries()) {
    tally.add({ time: Date.parse(`${day} 12:00`), host: `mx${4 - at}`, fields, recipients: [] })
  }
  t.same(
    tally.summary().days.map(({ host }) => host),
    ['mx1', 'mx2', 'mx4', 'mx3'],
  )
})

t.test('lines about a recipient count if the mailbox is full', async (t) => {
  const about = (quota: string) => decisionLine({ decision: 'pass', more: [['quota', quota]] })
  const { recipientsDeferred, overQuota } = await sumUp(
    about('no-such-user') + about('full') + about('unknown'),
  )
  t.equal(recipientsDeferred, 1)
  t.equal(overQuota.length, 1)
})

t.test('the acts of smtp-delay are counted from its own lines', async (t) => {
  const line = (event: string) => `onescan: program=smtp-delay event=${event} remote=192.0.2.1\n`
  const summary = await sumUp(`${line('left')}${line('passed')}${line('left')}`)
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
      `${tai64n(START)} ${decisionLine({ id: 'a' })}`,
      `${tai64n(START - 10 * 365 * 86_400)} ${decisionLine({ id: 'b' })}`,
      decisionLine({ id: 'c" decision=reject scan=infected virus="X' }),
      `@400000zz ${decisionLine({ id: 'd' })}`,
      'onescan: decision=accept scan_ms=1e99 scan=clean scan_ms=NaN\n',
      'onescan: decision=nonsense scan=nonsense\n',
      '\0\xff\x80\n',
    ]
    const summary = await sumUp(log.join(''))
    t.match(summary, { messages: 5, decisions: { accept: 4, reject: 0 }, viruses: [] })
    t.equal(summary.days.length, 3)
  },
)

t.test('made-up hosts and times are counted in bounded memory', async (t) => {
  const lines = Array.from({ length: 30_000 }, (_, n) => {
    return `${tai64n(START + n * 3600)} host${n} onescan[1]: onescan: decision=reject virus=V${n}\n`
  })
  const { messages, days, viruses } = await sumUp(lines.join(''))
  t.equal(messages, 30_000)
  t.ok(days.length <= 20_001)
  t.match(viruses[0], { name: '(others)', count: 10_000 })
})
