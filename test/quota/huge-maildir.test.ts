import { linkSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { spool, startQuotad } from './quotad.ts'

t.test('a Maildir of 200,000 files is counted without making other questions wait', async (t) => {
  const directory = spool(t, { 'bob/maildirsize': '1000S\n400 4\n', 'huge/new/': '' })
  const cur = join(directory, 'huge/cur')
  mkdirSync(cur)
  const name = (i: number) => `${cur}/1700000000.M${i}P1.host,S=10:2,S`
  for (let i = 0; i < 200_000; i++) {
    // Links are made faster than files.
    if (i % 1000 === 0) writeFileSync(name(i), '')
    else linkSync(name(i - (i % 1000)), name(i))
  }
  const quotad = await startQuotad(t, {
    QUOTAMAILBOX: `maildir:${directory}/%u`,
    QUOTADEFAULT: '1M',
    QUOTATIMEOUT: '60000',
  })
  const counted = quotad.ask('CHECK_QUOTA huge 0')
  const times: number[] = []
  let over = false
  counted.then(() => {
    over = true
  })
  while (!over) {
    const started = performance.now()
    t.equal(await quotad.ask('CHECK_QUOTA bob 0'), 'QUOTA_OK bob 400 1000')
    times.push(performance.now() - started)
  }
  t.equal(await counted, 'QUOTA_FULL huge 2000000 1048576')
  t.comment(`meanwhile ${times.length} answers, the slowest in ${Math.max(...times).toFixed(0)} ms`)
  t.ok(times.length > 5, `${times.length} were answered meanwhile`)
  const status = readFileSync(`/proc/${quotad.pid}/status`, 'latin1')
  const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(status)!
  t.ok(Number(kilobytes) < 250_000, `${kilobytes} KB at most`)
})
