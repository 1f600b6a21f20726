import t, { type Test } from 'tap'
import { Observer } from '../../../../src/scanner/observe/live/observer.ts'
import type { SelfTest } from '../../../../src/scanner/observe/live/process-report.ts'
import { metric } from '../../daemon/http/rig.ts'
import { report } from './report.ts'

/** What the first process of onescand makes of the reports of the others, and of selfTests. */

const RIGHT = 'a clean message passed, EICAR is found'

async function observe(t: Test) {
  const host = {
    clock: Date.now(),
    uptime: 0,
    selfTests: 0,
    selfTest: { hasPassed: true, reason: RIGHT, at: 0, doors: [] } as SelfTest,
    workers: { replaced: 0, hung: 0, late: [] as readonly number[] },
  }
  const observer = new Observer({
    version: '1',
    started: host.clock,
    now: () => host.clock,
    uptime: () => host.uptime,
    async tryAll() {
      host.selfTests++
      return host.selfTest
    },
    clamds: () => [],
    spoolDirectory: '/tmp',
    memoryLimit: 7,
    workers: () => host.workers,
  })
  t.teardown(() => observer.close())
  t.match(observer.health(), { isHealthy: false, reason: 'no self-test has finished yet' })
  while (observer.selfTest === undefined) await new Promise(setImmediate)
  return { host, observer }
}

t.test('health does not change when the clock of the host is set', async (t) => {
  const { host, observer } = await observe(t)
  host.clock += 24 * 60 * 60 * 1000
  t.same(observer.health(), { isHealthy: true, reason: RIGHT })
  t.equal(metric(await observer.metrics(), 'onescan_selftest_age_seconds'), 0)
  host.uptime += 30_000
  t.same(observer.health(), { isHealthy: true, reason: RIGHT })
  host.uptime += 1000
  t.same(observer.health(), { isHealthy: false, reason: 'the last self-test is 31 s old' })
  host.workers = { replaced: 3, hung: 1, late: [2] }
  t.same(observer.health(), { isHealthy: false, reason: 'no answer from worker 2' })
  host.workers = { ...host.workers, late: [2, 3] }
  t.same(observer.health(), { isHealthy: false, reason: 'no answer from workers 2, 3' })
})

t.test('reports of processes are summed, as long as they arrive', async (t) => {
  const { host, observer } = await observe(t)
  const doors = (clients: number) => ({ qmail: { clients, memory: 10 * clients } })
  const first = report({ judging: 2, doors: doors(3), servers: { one: 1, two: 2 } })
  observer.report(1, first)
  observer.report(2, report({ judging: 5, doors: doors(4), servers: { two: 3 }, lost: 6 }))
  host.workers = { replaced: 3, hung: 1, late: [2] }
  const shows = async (wanted: Readonly<Record<string, number>>) => {
    for (let time = 0; time < 2; time++) {
      const text = await observer.metrics() // as often as somebody asks
      for (const [name, value] of Object.entries(wanted)) {
        const [, word = '', label, of = ''] = /^(\w+)(?:\{(\w+)=(\w+)\})?$/.exec(name)!
        t.equal(metric(text, `onescan_${word}`, label ? { [label]: of } : {}), value, name)
      }
    }
  }
  await shows({
    judging: 7,
    processes: 2,
    'clients{interface=qmail}': 7,
    'memory_bytes{interface=qmail}': 70,
    'clamd_sessions{server=one}': 1,
    'clamd_sessions{server=two}': 5,
    'workers_replaced_total{reason=ended}': 2,
    'workers_replaced_total{reason=hung}': 1,
    workers_late: 1,
    memory_limit_bytes: 7,
    uncounted_total: 6,
    unanswered_total: 0,
  })
  host.uptime = 10_000
  observer.report(1, first)
  host.uptime++
  await shows({
    judging: 2,
    processes: 1,
    'clients{interface=qmail}': 3,
    'clamd_sessions{server=two}': 2,
  })
  observer.ended(1, 2)
  await shows({ judging: 0, processes: 0, 'clients{interface=qmail}': 0, unanswered_total: 2 })
})

t.test('decisions are reported, and those of self-tests never', async (t) => {
  const { observer } = await observe(t)
  const followed: string[] = []
  observer.follow((decided) => void followed.push(...decided.map(({ line }) => line)))
  const line = (time: number, fields: string) => ({ time, line: `onescan: ${fields}` })
  const ofSelfTest = line(2, 'decision=accept scan=clean selftest=x')
  const other = line(2, 'program=x event=y')
  const lines = [line(1, 'decision=accept scan=clean'), ofSelfTest, other]
  observer.report(1, report({ lines }))
  observer.report(2, report({ lines: [line(3, 'decision=reject scan=infected')] }))
  const words = followed.map((line) => /decision=(\w+)/.exec(line)?.[1])
  t.same(words, ['accept', 'reject'])
  t.equal(metric(await observer.metrics(), 'onescan_messages_total', { decision: 'accept' }), 1)
})

t.test('a message that could not be scanned has health tried soon', async (t) => {
  const { host, observer } = await observe(t)
  const trouble = (fields: string) =>
    observer.report(1, report({ lines: [{ time: 0, line: `onescan: decision=defer ${fields}` }] }))
  trouble('scan=unknown')
  t.equal(host.selfTests, 1, 'the last self-test is recent')
  host.uptime = 2000
  trouble('scan=clean')
  t.equal(host.selfTests, 1)
  for (const fields of ['scan=unknown', 'fault=write']) {
    const before = host.selfTests
    host.uptime += 2000
    trouble(fields)
    t.equal(host.selfTests, before + 1, fields)
    await new Promise(setImmediate)
  }
  host.selfTest = { ...host.selfTest, hasPassed: false, reason: 'no' }
  host.uptime += 2000
  observer.trySoon()
  await new Promise(setImmediate)
  t.same(observer.health(), { isHealthy: false, reason: 'no' })
  const before = host.selfTests
  host.uptime += 2000
  trouble('scan=unknown')
  t.equal(host.selfTests, before, 'it is known already')
})
