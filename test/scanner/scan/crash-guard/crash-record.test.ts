import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { CrashRecord } from '../../../../src/scanner/scan/crash-guard/crash-record.ts'

/** The file in which a process notes the messages that it has in hand. */

t.test('the messages in progress of an ended process are read from its file', async (t) => {
  const file = join(t.testdir(), 'in-hand')
  const fd = openSync(file, 'w+')
  t.teardown(() => closeSync(fd))
  const read = () => {
    const own = openSync(file, 'r')
    try {
      const { judged, scanned } = CrashRecord.read(own)
      return [
        judged,
        ...scanned.map(({ fingerprint, isLone }) => `${fingerprint[0]}${isLone ? '!' : ''}`),
      ]
    } finally {
      closeSync(own)
    }
  }
  const [a, b, c] = ['a', 'b', 'c'].map((letter) => letter.repeat(43)) as [string, string, string]
  const crashRecord = new CrashRecord(fd)
  t.same(read(), [0])
  const endA = crashRecord.beginScan(a, false)
  const endB = crashRecord.beginScan(b, true)
  t.same(read(), [0, 'a', 'b!'])
  endA()
  t.same(read(), [0, 'b!'])
  const endJudging = crashRecord.beginJudging()
  t.same(read(), [1, 'b!'], 'in the place that is free')
  crashRecord.beginScan(c, false)
  t.same(read(), [1, 'b!', 'c'])
  endJudging()
  endB()
  t.same(read(), [0, 'c'])
})

t.test('mail does not wait for a file that cannot be written', async (t) => {
  const file = join(t.testdir({ 'in-hand': '' }), 'in-hand')
  const fd = openSync(file, 'r')
  t.teardown(() => closeSync(fd))
  const end = new CrashRecord(fd).beginScan('a'.repeat(43), false)
  end()
  t.same(CrashRecord.read(fd), { judged: 0, scanned: [] })
})
