import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../needs.mjs'

/** The dashboard for Grafana and the alerts for Prometheus, against the metrics that there are. */

const root = join(import.meta.dirname, '../..')
const monitoring = join(root, 'packaging/shipped/monitoring')
const read = (name: string) => readFileSync(join(monitoring, name), 'utf8')
const source = readFileSync(join(root, 'src/scanner/observe/live/metrics.ts'), 'utf8')
const metrics = new Set([...source.matchAll(/'(onescan_[a-z_]+)'/g)].map(([, name]) => name!))
const withoutPromtool = { skip: lacks('promtool') }

interface Dashboard {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

const dashboard = JSON.parse(read('grafana-dashboard.json')) as Dashboard
const expressions = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

t.test('dashboard and alerts use only metrics that onescand has', async (t) => {
  t.ok(metrics.size > 20, 'the names were found')
  for (const text of [...expressions, read('rules.yml'), read('rules-test.yml')]) {
    for (const [name] of text.matchAll(/\bonescan_[a-z_]+/g)) {
      t.ok(metrics.has(name.replace(/_(bucket|sum|count)$/, '')), name)
    }
  }
})

t.test('the dashboard shows every counter and histogram that moves', async (t) => {
  const shown = expressions.join('\n')
  const unshown = ['onescan_log_lost_total', 'onescan_message_bytes', 'onescan_uncounted_total']
  for (const [, name] of source.matchAll(/(?:counter|histogram)\('(onescan_[a-z_]+)'/g)) {
    t.ok(unshown.includes(name!) || shown.includes(name!), name!)
  }
})

t.test(
  'promtool accepts the rules, and each alert fires when it should',
  withoutPromtool,
  async (t) => {
    for (const words of [
      ['check', 'rules', 'rules.yml'],
      ['test', 'rules', 'rules-test.yml'],
    ]) {
      const { status, stdout, stderr } = spawnSync('promtool', words, {
        cwd: monitoring,
        encoding: 'utf8',
      })
      t.equal(status, 0, `${words.join(' ')}: ${stdout}${stderr}`)
    }
    const alerts = [...read('rules.yml').matchAll(/alert: (\w+)/g)].map(([, name]) => name!)
    for (const alert of alerts) t.match(read('rules-test.yml'), `alertname: ${alert}`)
  },
)

t.test('Prometheus understands what the dashboard asks', withoutPromtool, async (t) => {
  const rules = expressions.map((expression, index) => {
    const plain = expression.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*')
    return `      - record: panel:${index}\n        expr: ${JSON.stringify(plain)}\n`
  })
  const file = join(t.testdir({}), 'rules.yml')
  writeFileSync(file, `groups:\n  - name: dashboard\n    rules:\n${rules.join('')}`)
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], {
    encoding: 'utf8',
  })
  t.equal(status, 0, `${stdout}${stderr}`)
})

t.test('promtool finds no fault with the metrics themselves', withoutPromtool, async (t) => {
  const { Metrics } = await import('../../src/scanner/observe/live/metrics.ts')
  const text = await new Metrics('1.0', 0).text({
    processes: [],
    clamds: [{ server: 'a', isUp: true, text: '', version: 1, made: 0 }],
    selfTest: {
      hasPassed: true,
      reason: '',
      at: 0,
      doors: [{ kind: 'qmail', address: '', hasPassed: true }],
    },
    selfTestAge: 1000,
    spool: { size: 2, free: 1 },
    memoryLimit: 1,
    workers: { replaced: 0, hung: 0, late: [] },
    now: 1,
  })
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: text,
    encoding: 'utf8',
  })
  t.equal(status, 0, `${stdout}${stderr}`)
})
