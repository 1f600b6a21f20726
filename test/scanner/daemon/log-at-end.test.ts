import '../../needs-addon.ts'
import { execFileSync } from 'node:child_process'
import { closeSync, constants, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { plain } from '../../cases/messages.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { call, everything, negotiate } from '../doors/milter/mta.ts'
import { submit } from '../doors/milter/submit.ts'
import { slowClamd } from '../doors/slow-clamd.ts'
import { startOnescand } from './process.ts'

const MESSAGES = 20

/** Makes a LOGFILE that cannot be opened until `read` is called, which returns a reader of all lines from then on. */
function unreadLog(directory: string) {
  const LOGFILE = join(directory, 'log')
  execFileSync('mkfifo', ['-m', '666', LOGFILE])
  const read = () => {
    const reader = openSync(LOGFILE, constants.O_RDWR | constants.O_NONBLOCK) // the pipe has room for all lines
    return () => {
      const bytes = Buffer.alloc(65_536)
      const log = bytes.toString('utf8', 0, readSync(reader, bytes))
      closeSync(reader)
      return log
    }
  }
  return { LOGFILE, read }
}

t.test('what was answered before the end is in the log, although that took no lines', async (t) => {
  const directory = socketDirectory(t)
  const { LOGFILE, read } = unreadLog(directory)
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
  const lines = read()
  t.equal(await onescand.ended, 0)
  t.equal(lines().match(/decision=accept/g)?.length, MESSAGES)
})

t.test('what was answered at the end of --grace has as long for the log', async (t) => {
  const clamd = await slowClamd(t)
  const directory = socketDirectory(t)
  const { LOGFILE, read } = unreadLog(directory)
  const place = join(directory, 'm')
  const onescand = await startOnescand(t, {
    settings: { ...clamd.settings, LOGFILE },
    args: ['--grace', '1', '--milter', `unix:${place}`],
  })
  const line = await call(place)
  t.teardown(() => line.socket.destroy())
  const answer = submit(line, await negotiate(line, everything), { message: plain })
  await clamd.asked()
  process.kill(onescand.pid, 'SIGTERM')
  t.equal((await answer).outcome, 'deferred')
  await new Promise((resolve) => setTimeout(resolve, 3500))
  const lines = read()
  t.equal(await onescand.ended, 0)
  t.match(lines(), /decision=defer fault=read /)
})
