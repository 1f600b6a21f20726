import { EventEmitter, once } from 'node:events'
import t from 'tap'
import { Budget } from '../../../../src/base/flow/memory-budget.ts'
import type { QuotaAnswer } from '../../../../src/base/protocol/quota/quota-answer.ts'
import { bytes } from '../../../cases/case.ts'
import { plain } from '../../../cases/messages.ts'
import { until } from '../../../run/until.ts'
import { slowClamd } from '../slow-clamd.ts'
import { packets } from './mta.ts'
import { openMilter } from './rig.ts'

/** What happens while a quota service is asked about a recipient. */

const scanning = { QHPSI: 'plugin: eicar' }

/** A service that answers when the test lets it. */
function slowService() {
  const asked = new EventEmitter()
  const ask = () => new Promise<QuotaAnswer>((resolve) => asked.emit('asked', resolve))
  return {
    quota: { ask, asksForRelayClients: false },
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
  for (const [rest, heard] of [
    [[packets.body('x\r\n'), packets.end], 'cia'],
    [[packets.abort], 'c'],
  ] as const) {
    const question = asked()
    mta.write(packets.mail('a@example.org'), packets.recipient('room@example.org'))
    mta.write(packets.field('Subject', ' x'))
    const answer = await question
    const lines = milter.mailLog.length
    for (const more of rest) {
      const before = milter.state().memory
      mta.write(more)
      await until(() => milter.state().memory > before, 'what waits is charged')
    }
    t.equal(milter.mailLog.length, lines)
    answer({ status: 'room' })
    for (const command of heard) t.equal((await mta.hear())?.command, command)
    t.equal(milter.state().memory, 0)
  }
  t.match(milter.mailLog, [/to=<room@example\.org> rcpts=1 /])
})

t.test('no more than 256 KiB wait while a quota service is asked, and none is lost', async (t) => {
  const { quota, asked } = slowService()
  const budget = new Budget(64 * 1024 * 1024)
  const milter = await openMilter(t, scanning, { quota, budget })
  const mta = await milter.connect()
  const question = asked()
  mta.write(packets.mail('a@example.org'), packets.recipient('room@example.org'))
  const answer = await question
  const message = bytes(`Subject: x\r\n\r\n${'a line of text\r\n'.repeat(100_000)}`)
  for (let at = 0; at < message.length; at += 60_000) {
    mta.write(packets.body(message.subarray(at, at + 60_000)))
  }
  mta.write(packets.end)
  await until(() => budget.used > 256 * 1024, 'so much waits')
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate)
  t.ok(budget.used < 400 * 1024, `${budget.used} bytes`)
  answer({ status: 'room' })
  for (const command of ['c', 'i', 'a']) t.equal((await mta.hear())?.command, command)
  const inLf = message.toString('latin1').replaceAll('\r\n', '\n')
  t.match(milter.mailLog[0], ` size=${'\n'.length + inLf.length} `)
})

t.test('while a quota service is asked, no progress is sent: Sendmail takes none', async (t) => {
  const clamd = await slowClamd(t)
  const { quota, asked } = slowService()
  const milter = await openMilter(t, clamd.settings, { quota, timeouts: { progressAfter: 10 } })
  const [asking, judged] = [await milter.connect(), await milter.connect()]
  const question = asked()
  asking.write(packets.mail('a@example.org'), packets.recipient('room@example.org'))
  const answer = await question
  const over = judged.submit({ message: plain, recipients: [] })
  while (judged.progress < 3) await new Promise(setImmediate)
  t.equal(asking.progress, 0)
  answer({ status: 'room' })
  t.equal((await asking.hear())?.command, 'c')
  await clamd.answer()
  await over
})

t.test('nothing is kept of an MTA that disconnects during a quota request', async (t) => {
  const { quota, asked } = slowService()
  const milter = await openMilter(t, scanning, { quota, maxClients: 1 })
  const connected = once(milter.server, 'connection')
  const mta = await milter.connect()
  const [connection] = await connected
  const question = asked()
  mta.write(packets.mail('a@example.org'), packets.recipient('room@example.org'), packets.abort)
  mta.write(packets.mail('a@example.org'), packets.field('Subject', ' x'))
  const answer = await question
  mta.socket.destroy()
  await once(connection, 'close')
  answer({ status: 'room' })
  await new Promise(setImmediate)
  t.same(milter.log, [])
  t.equal(milter.state().memory, 0)
  const next = await milter.submit({ message: plain, recipients: [] })
  t.equal(next.outcome, 'delivered', 'there is room for another one')
})
