import t from 'tap'
import { FAULT_KINDS } from '../../../../src/base/errors/fault.ts'
import { parseLogText } from '../../../../src/scanner/log/parsed-line.ts'
import { History } from '../../../../src/scanner/observe/live/history.ts'
import { Metrics } from '../../../../src/scanner/observe/live/metrics.ts'
import { GROUNDS } from '../../../../src/scanner/scan/replies/reply.ts'
import { causesInWords } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { metric } from '../../daemon/http/rig.ts'
import { report } from './report.ts'

/** Metrics of log lines and of reports by processes. */

const standing = {
  processes: [],
  clamds: [],
  selfTest: undefined,
  selfTestAge: undefined,
  spool: undefined,
  memoryLimit: 1,
  workers: { replaced: 0, hung: 0, late: [] },
  now: 0,
}

t.test('a refused recipient is not counted as a message', async (t) => {
  const metrics = new Metrics('1', 0)
  const history = new History()
  const line = 'onescan: decision=defer quota=full reply=452 interface=policy to=<full@example.org>'
  const { fields } = parseLogText(line, 0)
  metrics.message(fields)
  history.add(line, fields, 0)
  const text = await metrics.text(standing)
  t.equal(metric(text, 'onescan_recipients_total', { interface: 'policy', quota: 'full' }), 1)
  t.equal(metric(text, 'onescan_messages_total', { interface: 'policy' }), 0)
  t.same(history.steps(0), [], 'nor is it a step of the day')
  t.equal(history.decided.length, 1)
})

t.test('every reason, kind of fault and cause is a value of its label', async (t) => {
  const metrics = new Metrics('1', 0)
  for (const grounds of GROUNDS) {
    const fields = { decision: 'reject', grounds, interface: 'milter' }
    metrics.message(new Map(Object.entries(fields)))
  }
  for (const fault of FAULT_KINDS) {
    const fields = { decision: 'defer', fault }
    metrics.message(new Map(Object.entries(fields)))
  }
  for (const cause of Object.keys(causesInWords)) {
    const fields = { decision: 'defer', scan: 'unknown', cause, reason: 'no answer in time' }
    metrics.message(new Map(Object.entries(fields)))
  }
  const text = await metrics.text(standing)
  for (const grounds of GROUNDS) {
    t.equal(metric(text, 'onescan_messages_total', { grounds }), 1, grounds)
  }
  for (const fault of FAULT_KINDS)
    t.equal(metric(text, 'onescan_faults_total', { fault }), 1, fault)
  for (const cause of Object.keys(causesInWords)) {
    t.equal(metric(text, 'onescan_unknown_total', { cause }), 1, cause)
  }
})

t.test(
  'reports of workers about the store are counted, also after a worker starts again',
  async (t) => {
    const metrics = new Metrics('1', 0)
    const none = { known: 0, waited: 0, late: 0, errors: 0 }
    const shared = (asked: number, published: number, trouble?: string) =>
      report({ sharing: { counters: { ...none, asked, published }, trouble } })
    const steps = [shared(5, 1), shared(8, 2), shared(3, 0, 'away')]
    for (const [index, step] of steps.entries()) metrics.report(step, steps[index - 1])
    const text = await metrics.text({ ...standing, processes: [steps[1]!, steps[2]!] })
    t.equal(metric(text, 'onescan_store_total', { event: 'asked' }), 11)
    t.equal(metric(text, 'onescan_store_total', { event: 'published' }), 2)
    t.match(text, /^onescan_store_ok 0$/m)
    t.match(await metrics.text({ ...standing, processes: [steps[1]!] }), /^onescan_store_ok 1$/m)
    t.match(await metrics.text({ ...standing, processes: [] }), /^onescan_store_ok Nan$/im)
  },
)

// promise: page-text
t.test('labels are bounded whatever the log holds', async (t) => {
  const metrics = new Metrics('1', 0)
  for (let n = 0; n < 1000; n++) {
    const fields = new Map([
      ['decision', `d${n}`],
      ['grounds', `g${n}`],
      ['interface', `o${n}`],
      ['scan', 'clean'],
      ['scanner', `s${n}"\n{}`.slice(0, n % 2 === 0 ? 3 : 20)],
      ['key', `k${n}`],
      ['fault', `f${n}`],
      ['scan_ms', 'NaN'],
    ])
    metrics.message(fields)
  }
  const text = await metrics.text(standing)
  t.ok(text.split('\n').length < 500, `${text.split('\n').length} lines`)
})
