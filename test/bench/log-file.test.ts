import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { takeLog } from './log-file.ts'

const directory = mkdtempSync(join(tmpdir(), 'onescan-log-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))

t.test('times of stages are taken from the lines of onescan, and the log is gone', async (t) => {
  const file = join(directory, 'log')
  const lines = [
    'onescan: decision=accept verify_ms=0.4 scan_ms=7.0 from="<a scan_ms=99.9 b>" total_ms=23.2',
    'clamdscan: scan_ms=5.0',
    'onescan: decision=accept verify_ms=0.6 scan_ms=8.0 total_ms=24.0',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const { stages, cold } = takeLog(file)
  t.same(stages, { verify: [0.4, 0.6], scan: [7, 8], total: [23.2, 24] })
  t.equal(cold, 0)
  t.notOk(existsSync(file))
})

t.test('messages that went cold are counted, with the reason', async (t) => {
  const file = join(directory, 'log')
  const lines = [
    'onescan: decision=cold reason="onescand hung up" total_ms=1.5',
    'onescan: decision=accept scan_ms=8.0 total_ms=24.0',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const expected = { stages: { scan: [8], total: [24] }, cold: 1, whyCold: '"onescand hung up"' }
  t.same(takeLog(file), expected)
})

t.test('a wrapper without a log has no lines', async (t) => {
  t.same(takeLog(join(directory, 'none')), { stages: {}, cold: 0, whyCold: '' })
})
