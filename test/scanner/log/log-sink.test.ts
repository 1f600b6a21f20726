import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openLog } from '../../../src/scanner/log/open-log.ts'

/** LOGFILE: nothing else shows there when a line was written. */

t.test(
  'a file has the time of each line of onescan, and lines of scanners as they are',
  async (t) => {
    const LOGFILE = join(t.testdir(), 'log')
    const log = await openLog({ LOGFILE })
    log.write(Buffer.from('onescan: decision=pass\n'))
    log.relay('scanner: loud\n')
    const time = String.raw`\d{4}-\d\d-\d\dT[\d:.]+Z\n`
    const lines = (decision: string) => new RegExp(`^onescan: decision=${decision} time=${time}`)
    t.match(readFileSync(LOGFILE, 'utf8'), new RegExp(`${lines('pass').source}scanner: loud\n$`))
    rmSync(LOGFILE)
    mkdirSync(LOGFILE)
    log.write(Buffer.from('onescan: decision=lost\n')) // mail must not wait for a log
    rmSync(LOGFILE, { recursive: true })
    log.write(Buffer.from('onescan: decision=accept\n'))
    t.match(readFileSync(LOGFILE, 'utf8'), lines('accept'))
  },
)
