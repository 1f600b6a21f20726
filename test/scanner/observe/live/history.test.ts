import t from 'tap'
import { parseLogText } from '../../../../src/scanner/log/parsed-line.ts'
import { DECISIONS_KEPT, History } from '../../../../src/scanner/observe/live/history.ts'

const STEP = 5 * 60_000

/** The decisions and the day that the page shows. */

t.test('history holds the last 200 decisions and one day, whatever comes', async (t) => {
  const history = new History()
  const day = 24 * 3600 * 1000
  for (let n = 0; n < 3000; n++) {
    const line = `onescan: decision=accept scan=clean scan_ms=${n % 50} msgid=<${n}>`
    history.add(line, parseLogText(line, 0).fields, n * STEP)
  }
  t.equal(history.decided.length, DECISIONS_KEPT)
  t.match(history.decided.at(-1)?.line, 'msgid=<2999>')
  const steps = history.steps(2999 * STEP)
  t.equal(steps.length, day / STEP)
  const { p50, p95, ...counts } = steps.at(-1)!
  t.same(counts, { start: 2999 * STEP, decisions: { accept: 1 }, scans: { clean: 1 } })
  t.ok(p50! > 46 && p95! < 52, `${p50} ${p95}`)
})
