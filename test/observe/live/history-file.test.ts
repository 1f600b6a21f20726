import {
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createHistory } from '../../../src/observe/live/history.ts'
import { openHistoryFile } from '../../../src/observe/live/history-file.ts'
import { createLineViewer } from '../../../src/observe/live/line-view.ts'

/** The file that keeps the figures of the last day while onescand does not run. */

/** 2026-11-18 12:00 UTC, the beginning of a step. */
const NOON = 1_795_003_200_000
const HOUR = 3_600_000
const viewOf = createLineViewer()

function open(directory: string, now: number) {
  const history = createHistory()
  const log: string[] = []
  const kept = openHistoryFile(history, directory, {
    now: () => now,
    log: (line) => log.push(line),
  })
  const add = (fields: string, time: number) => {
    const line = `onescan: ${fields}`
    history.add(line, viewOf(line), time)
  }
  return { history, log, kept, add }
}

/** A directory with the figures of 300 messages. */
function written(t: Test) {
  const directory = t.testdir({})
  const { history, kept, add, log } = open(directory, NOON)
  for (let n = 0; n < 100; n++) {
    add(`decision=accept scan=clean scan_ms=${n} from=<ann@example.org>`, NOON - 20 * HOUR)
    add('decision=reject scan=infected scan_ms=40.5 virus=Eicar', NOON - HOUR)
    add('decision=accept scan=trusted', NOON)
  }
  kept.close()
  t.same(log, [])
  return { directory, steps: history.steps(NOON) }
}

t.test('after a restart the figures of the day are back, and new ones are added', async (t) => {
  const { directory, steps } = written(t)
  const { history, add, log } = open(directory, NOON + 1000)
  t.same(history.steps(NOON + 1000), steps)
  t.same(history.decided, [], 'of messages nothing is kept')
  add('decision=accept scan=trusted', NOON + 2000)
  t.match(history.steps(NOON + 2000).at(-1), {
    decisions: { accept: 101 },
    scans: { trusted: 101 },
  })
  t.same(log, [])
  t.notMatch(readFileSync(join(directory, 'history'), 'utf8'), /ann|Eicar/)
  t.equal(statSync(join(directory, 'history')).mode & 0o777, 0o600)
  t.same(readdirSync(directory), ['history'], 'nothing else is left')
})

t.test(
  'figures that are older than a day, or of a clock that was ahead, are left out',
  async (t) => {
    const { directory } = written(t)
    const later = NOON + 5 * HOUR
    const starts = (now: number) =>
      open(directory, now)
        .history.steps(now)
        .map(({ start }) => start)
    t.same(starts(later), [NOON - HOUR, NOON])
    t.same(starts(NOON - HOUR), [NOON - 20 * HOUR, NOON - HOUR])
  },
)

t.test(
  'a damaged file costs the figures of the day and a line of the log, and nothing else',
  async (t) => {
    const { directory } = written(t)
    const file = join(directory, 'history')
    const whole = readFileSync(file, 'utf8')
    const damaged = [
      ...['', 'x', '{}', 'null', '[]', '{"version":1,"steps":[null]}', '{"version":1,"steps":7}'],
      ...[whole.slice(0, -20), whole.replace('"version":1', '"version":2')],
      ...[whole.replace('"accept":100', '"accept":-1'), whole.replace('"accept"', '"__proto__"')],
      ...[
        whole.replace('"accept":100', '"accept":"<b>"'),
        whole.replace('"sum":', '"sum":1e99,"x":'),
      ],
      ...[whole.replace('"times":', '"t":'), `${whole}${' '.repeat(2 ** 20)}`],
    ]
    for (const text of damaged) {
      writeFileSync(file, text)
      const { history, log, add, kept } = open(directory, NOON)
      t.same(history.steps(NOON), [], text.slice(0, 60))
      t.match(log, [/^http: \/.*\/history: .*; the last day is forgotten at a restart$/])
      add('decision=accept', NOON)
      kept.close()
      t.equal(open(directory, NOON).history.steps(NOON).length, 1, 'it is written anew')
    }
  },
)

t.test('a missing directory, or one that cannot be written to, is reported once', async (t) => {
  const directory = t.testdir({ file: '', d: {} })
  mkdirSync(join(directory, 'd/history/x'), { recursive: true })
  for (const place of ['none', 'file', 'd']) {
    const { log, add, kept } = open(join(directory, place), NOON)
    add('decision=accept', NOON)
    kept.close()
    t.ok(log.length >= 1, `${place}: ${log}`)
  }
})

const skip = process.getuid!() !== 0 && 'needs root'

t.test(
  "root is led nowhere by a link, and writes nothing in another user's directory",
  { skip },
  async (t) => {
    const directory = t.testdir({ target: 'mine' })
    symlinkSync('target', join(directory, 'history.new'))
    const { kept, add } = open(directory, NOON)
    add('decision=accept', NOON)
    kept.close()
    t.equal(readFileSync(join(directory, 'target'), 'utf8'), 'mine')
    const theirs = join(directory, 'theirs')
    mkdirSync(theirs)
    chownSync(theirs, 54_321, 54_321)
    const other = open(theirs, NOON)
    other.add('decision=accept', NOON)
    other.kept.close()
    t.match(other.log, [/may write to .*, and root obeys nobody else/])
    t.same(readdirSync(theirs), [])
  },
)
