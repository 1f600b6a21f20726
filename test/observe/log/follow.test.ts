import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { followLog } from '../../../src/observe/log/follow.ts'
import type { LogRecord } from '../../../src/observe/log/log-record.ts'
import { mergeLogs } from '../../../src/observe/log/merge.ts'
import { findLogs } from '../../../src/observe/log/sources.ts'
import { tai64n, told } from './lines.ts'

/** Logs of any size are followed and merged in memory that their size does not change. */

const anything = { needle: undefined, matches: () => true }
const idsOf = (entries: Iterable<LogRecord>) =>
  [...entries].map(({ fields }) => fields.get('msgid'))
const line = (n: number) => `${tai64n(1_795_100_000 + n)} ${told({ id: `<${n}>` })}`
const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `<${from + n}>`)

function followed(path: string, asked = anything) {
  return followLog(findLogs([path])[0]!, asked)
}

/** Bytes that this process has read so far (proc(5), io). */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'latin1'))![1])
}

t.test('the last lines come first, and new lines follow', async (t) => {
  const huge = `${'x'.repeat(3e6)}\n`
  const count = 30_000
  const many = Array.from({ length: count }, (_, n) => line(n)).join('')
  const forms = {
    'whole lines': many,
    'a last line that is not whole': many + line(count).slice(0, 50),
    'a line beyond all bounds at the end': many + huge,
    'one in the middle': many.slice(0, many.indexOf('@', 1e6)) + huge + many.slice(many.indexOf('@', 1e6)),
    'one that has no end': many + huge.slice(0, -1),
    'one line': line(count - 1),
    'nothing': '',
  } // biome-ignore format: a form a line
  for (const [what, content] of Object.entries(forms)) {
    const log = join(t.testdir({ log: '' }), 'log')
    writeFileSync(log, content)
    const present = content === '' ? 0 : content === forms['one line'] ? 1 : count
    for (const most of [1, 10, 20_000, 50_000]) {
      const follower = followed(log)
      const expected = numbered(count - Math.min(present, most), count)
      t.same(idsOf(follower.last(most)), expected, `${most} of ${what}`)
      follower.close()
    }
    const follower = followed(log)
    follower.last(10)
    t.same([...follower.read()], [], what)
    const rest = what.startsWith('a last line') ? line(count).slice(50) : `\n${line(count)}`
    appendFileSync(log, rest)
    t.same(idsOf([...follower.read()].flat()), [`<${count}>`], `what comes behind ${what}`)
    follower.close()
  }
})

t.test('for the last ten lines no more of the log is read or held than needed', async (t) => {
  const log = join(t.testdir({ log: '' }), 'log')
  writeFileSync(log, Array.from({ length: 200_000 }, (_, n) => line(n)).join(''))
  const before = bytesRead()
  const follower = followed(log)
  t.equal(follower.last(10).length, 10)
  t.ok(bytesRead() - before < 2e6, `${bytesRead() - before} bytes`)
  follower.close()
  const all = followed(log)
  let most = 0
  let sum = 0
  for (const entries of all.read()) {
    most = Math.max(most, entries.length)
    sum += entries.length
  }
  all.close()
  t.equal(sum, 200_000)
  t.ok(most < 20_000, `${most} entries at once, as many as a chunk holds`)
})

t.test('logs that are merged in batches are merged as line by line', async (t) => {
  let state = 7
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return Math.floor((state / 0x80000000) * below)
  }
  for (let round = 0; round < 300; round++) {
    const logs = Array.from({ length: 1 + random(4) }, (_, log) =>
      Array.from({ length: random(6) }, () =>
        Array.from({ length: random(5) }, (_, n) => {
          const time = random(5) === 0 ? Number.NaN : random(20)
          return { time, host: `${log}`, fields: new Map([['n', `${n}`]]), recipients: [] }
        }),
      ),
    )
    const merged: LogRecord[] = []
    for await (const entries of mergeLogs(logs)) merged.push(...entries)
    t.same(merged, oneByOne(logs.map((log) => log.flat())), `round ${round}`)
  }
})

/** The order that mergeLogs() promises, without batches. */
function oneByOne(logs: readonly LogRecord[][]): LogRecord[] {
  const heads = logs.map((entries) => {
    let time = Number.NEGATIVE_INFINITY
    return entries.map((entry) => {
      if (entry.time > time) time = entry.time
      return { entry, time }
    })
  })
  const merged: LogRecord[] = []
  for (;;) {
    const open = heads.filter((head) => head.length > 0)
    if (open.length === 0) return merged
    const first = open.reduce((least, entries) =>
      entries[0]!.time < least[0]!.time ? entries : least,
    )
    merged.push(first.shift()!.entry)
  }
}

t.test('two long logs that alternate come in few batches', async (t) => {
  const log = (host: string, odd: number) => [
    Array.from({ length: 10_000 }, (_, n) => {
      return { time: 2 * n + odd, host, fields: new Map(), recipients: [] }
    }),
  ]
  let batches = 0
  for await (const _ of mergeLogs([log('a', 0), log('b', 1)])) batches++
  t.ok(batches <= 25, `${batches} for 20,000 entries`)
})
