import { EventEmitter, once } from 'node:events'
import t from 'tap'
import type { QuotaAnswer } from '../../../src/scan/quota/quota-answer.ts'
import { plain } from '../../cases/messages.ts'
import { until } from '../../run/until.ts'
import { slowClamd } from '../slow-clamd.ts'
import { says } from './mta.ts'
import { openMilter } from './rig.ts'

/** What happens while a quota service is asked about a recipient. */

const scanning = { QHPSI: 'plugin: eicar' }

/** A service that answers when it is told to. */
function slowService() {
  const asked = new EventEmitter()
  const ask = () => new Promise<QuotaAnswer>((resolve) => asked.emit('asked', resolve))
  return {
    quota: { ask, askForRelayClients: false },
    /** Resolves to what answers the next question. */
    async asked(): Promise<(answer: QuotaAnswer) => void> {
      const [answer] = await once(asked, 'asked')
      return answer
    },
  }
}

t.test('commands that come while a quota service is asked wait for their turn', async (t) => {
  const { quota, asked } = slowService()
  const milter = await openMilter(t, scanning, { quota })
  const mta = await milter.connect()
  const question = asked()
  mta.write(says.mail('a@example.org'), says.recipient('room@example.org'))
  mta.write(says.field('Subject', ' x'))
  const answer = await question
  for (const more of [[says.body('x\r\n')], [says.end]]) {
    const before = milter.state().memory
    mta.write(...more)
    await until(() => milter.state().memory > before, 'what waits is charged')
  }
  t.same(milter.mailLog, [])
  answer({ answer: 'room' })
  for (const command of ['c', 'i', 'a']) t.equal((await mta.hear())?.command, command)
  t.equal(milter.state().memory, 0)
  t.match(milter.mailLog[0], /to=<room@example\.org> rcpts=1 /)
})

t.test('while a quota service is asked, no progress is sent: Sendmail takes none', async (t) => {
  const clamd = await slowClamd(t)
  const { quota, asked } = slowService()
  const milter = await openMilter(t, clamd.settings, { quota, timeouts: { progressAfter: 10 } })
  const [asking, judged] = [await milter.connect(), await milter.connect()]
  const question = asked()
  asking.write(says.mail('a@example.org'), says.recipient('room@example.org'))
  const answer = await question
  const over = judged.submit({ message: plain, recipients: [] })
  while (judged.progress < 3) await new Promise(setImmediate)
  t.equal(asking.progress, 0)
  answer({ answer: 'room' })
  t.equal((await asking.hear())?.command, 'c')
  await clamd.answer()
  await over
})

t.test('of an MTA that leaves while a quota service is asked nothing is kept', async (t) => {
  const { quota, asked } = slowService()
  const milter = await openMilter(t, scanning, { quota, maxClients: 1 })
  const connected = once(milter.server, 'connection')
  const mta = await milter.connect()
  const [connection] = await connected
  const question = asked()
  mta.write(says.mail('a@example.org'), says.recipient('room@example.org'), says.abort)
  mta.write(says.mail('a@example.org'), says.field('Subject', ' x'))
  const answer = await question
  mta.socket.destroy()
  await once(connection, 'close')
  answer({ answer: 'room' })
  await new Promise(setImmediate)
  t.same(milter.log, [])
  t.equal(milter.state().memory, 0)
  const next = await milter.submit({ message: plain, recipients: [] })
  t.equal(next.outcome, 'delivered', 'there is room for another one')
})
