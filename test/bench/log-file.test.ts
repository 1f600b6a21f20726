import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { takeLog } from './log-file.ts'

t.test('messages that went cold are counted, with the reason, and the log is gone', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-log-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'log')
  const lines = [
    'onescan: decision=cold reason="onescand hung up" total_ms=1.5',
    'onescan: decision=accept scan_ms=8.0 total_ms=24.0',
    'clamdscan: decision=cold',
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  t.same(takeLog(file), { cold: 1, whyCold: '"onescand hung up"' })
  t.notOk(existsSync(file))
  t.same(takeLog(file), { cold: 0, whyCold: '' }, 'a wrapper without a log has no lines')
})
