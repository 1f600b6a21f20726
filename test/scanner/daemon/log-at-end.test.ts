import { execFileSync } from 'node:child_process'
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { call, everything, negotiate } from '../doors/milter/mta.ts'
import { submit } from '../doors/milter/submit.ts'
import { startOnescand } from './process.ts'

const MESSAGES = 20

t.test('what was answered before the end is in the log, although that took no lines', async (t) => {
  const directory = socketDirectory(t)
  const LOGFILE = join(directory, 'log')
  execFileSync('mkfifo', ['-m', '666', LOGFILE]) // without a reader it cannot be opened
  const place = join(directory, 'm')
  const onescand = await startOnescand(t, {
    settings: { QHPSI: 'plugin: eicar', LOGFILE },
    args: ['--milter', `unix:${place}`],
  })
  const line = await call(place)
  t.teardown(() => line.socket.destroy())
  const agreed = await negotiate(line, everything)
  for (let n = 0; n < MESSAGES; n++) {
    const message = Buffer.from(`From: a@example.org\nSubject: ${n}\n\n${n}\n`)
    t.equal((await submit(line, agreed, { message })).outcome, 'delivered')
  }
  line.socket.destroy()
  process.kill(onescand.pid, 'SIGTERM')
  const reader = openSync(LOGFILE, 'r+') // the pipe has room for all lines
  t.equal(await onescand.ended, 0)
  const bytes = Buffer.alloc(65_536)
  const log = bytes.toString('utf8', 0, readSync(reader, bytes))
  closeSync(reader)
  t.equal(log.match(/decision=accept/g)?.length, MESSAGES)
})
