import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { defaultTimeouts } from '../../../src/doors/milter/server.ts'
import type { QuotaAnswer } from '../../../src/scan/quota/quota-answer.ts'
import { plain } from '../../cases/messages.ts'
import { standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { says } from './mta.ts'
import { openMilter } from './rig.ts'
import { submit } from './submit.ts'

/** What happens while a quota service is asked about a recipient. */

const scanning = { QHPSI: 'plugin: eicar' }

t.test('commands that come while a quota service is asked wait for their turn', async (t) => {
  const asked = new EventEmitter()
  const ask = () => new Promise<QuotaAnswer>((resolve) => asked.emit('asked', resolve))
  const milter = await openMilter(t, scanning, { quota: { ask, askForRelayClients: false } })
  const line = await milter.connect()
  const question = once(asked, 'asked')
  line.write(says.mail('a@example.org'), says.recipient('room@example.org'))
  line.write(says.field('Subject', ' x'), says.body('x\r\n'), says.end)
  const [answer] = await question
  t.same(milter.mailLog, [])
  answer({ answer: 'room' })
  const heard = [await line.hear(), await line.hear(), await line.hear()]
  t.same(
    heard.map((packet) => packet?.command),
    ['c', 'i', 'a'],
  )
  t.match(milter.mailLog[0], /to=<room@example\.org> rcpts=1 /)
})

t.test(
  'while a quota service is asked, no progress is sent, which Sendmail would not take',
  async (t) => {
    const clamd = await standIn(t, () => {})
    const timeouts = { ...defaultTimeouts, progressAfter: 10 }
    const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
    const answers: ((answer: QuotaAnswer) => void)[] = []
    const ask = () => new Promise<QuotaAnswer>((resolve) => void answers.push(resolve))
    const quota = { ask, askForRelayClients: false }
    const milter = await openMilter(t, settings, { quota, timeouts })
    const [asking, judged] = [await milter.connect(), await milter.connect()]
    asking.write(says.mail('a@example.org'), says.recipient('room@example.org'))
    const over = submit(judged, judged.agreed, { message: plain, recipients: [] })
    const isUnderway = () =>
      judged.progress >= 3 && answers.length > 0 && clamd.connections.length > 0
    while (!isUnderway()) await new Promise(setImmediate)
    t.equal(asking.progress, 0)
    answers[0]!({ answer: 'room' })
    t.equal((await asking.hear())?.command, 'c')
    clamd.connections[0]!.end('stream: OK\0')
    await over
  },
)

t.test('of an MTA that leaves while a quota service is asked nothing is kept', async (t) => {
  const asked = new EventEmitter()
  const ask = () => new Promise<QuotaAnswer>((resolve) => asked.emit('asked', resolve))
  const quota = { ask, askForRelayClients: false }
  const milter = await openMilter(t, scanning, { quota, maxClients: 1 })
  const connected = once(milter.server, 'connection')
  const line = await milter.connect()
  const [connection] = await connected
  const question = once(asked, 'asked')
  line.write(says.mail('a@example.org'), says.recipient('room@example.org'), says.abort)
  line.write(says.mail('a@example.org'), says.field('Subject', ' x'))
  const [answer] = await question
  line.socket.destroy()
  await once(connection, 'close')
  answer({ answer: 'room' })
  await new Promise(setImmediate)
  t.same(milter.log, [])
  t.equal(milter.state().memory, 0)
  const next = milter.submit({ message: plain, recipients: [] })
  t.equal((await next).outcome, 'delivered', 'there is room for another one')
})
