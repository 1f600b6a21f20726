import t from 'tap'
import { Budget } from '../../../../src/base/flow/memory-budget.ts'
import { plain } from '../../../cases/messages.ts'
import { until } from '../../../run/until.ts'
import { scanning } from './eicar.ts'
import { exchange, oldest, packets } from './mta.ts'
import { openMilter } from './rig.ts'
import { replyOf } from './submit.ts'

/** More recipients and more MTAs than there is room for. */

const KIB = 1024

/** Returns packets with recipients of about this many bytes in all. */
const crowd = (bytes: number) =>
  Buffer.concat(
    Array.from({ length: bytes / 500 }, () => packets.recipient(`${'x'.repeat(490)}@a.example`)),
  )

t.test('the memory for recipients of all messages is bounded, and more are deferred', async (t) => {
  const budget = new Budget(300 * KIB)
  const milter = await openMilter(t, scanning, { budget })
  const first = await milter.connect()
  first.write(packets.mail('a@example.org'), crowd(60 * KIB)) // while it waits, its packets count, too
  await until(() => budget.used > 50 * KIB, 'the recipients are read')
  const submit = (count: number) =>
    milter.submit({ message: plain, recipients: Array(count).fill('b@example.org') })
  t.match((await submit(400)).reply, /^451 4\.3\.0 /)
  const log = /fault=out-of-memory reason="no memory for another \d+ bytes \(--memory\)"/
  t.match(milter.mailLog[0], log)
  first.write(packets.abort)
  await until(() => budget.used === 0, 'the recipients are forgotten')
  t.equal((await submit(200)).recipients.length, 200)
  t.equal(budget.used, 0)
})

t.test('if RCPT is answered, a recipient without room is deferred alone', async (t) => {
  const milter = await openMilter(t, scanning, { budget: new Budget(16 * KIB) })
  const line = await milter.connect(oldest)
  const sendCommand = (command: Buffer) => exchange(line, line.agreed, command)
  await sendCommand(packets.mail('a@example.org'))
  t.equal((await sendCommand(packets.recipient('b@example.org')))!.command, 'c')
  for (let i = 0; i < 2; i++) {
    const refusal = await sendCommand(packets.recipient('x'.repeat(20_000)))
    t.equal(replyOf(refusal!), '452 4.3.2 too many recipients for now, try again later')
  }
  t.equal((await sendCommand(packets.recipient('c@example.org')))!.command, 'c', 'others go on')
  await sendCommand(packets.body('x\r\n'))
  line.write(packets.end)
  while ((await line.hear())?.command !== 'a') {} // its edits
  t.equal(milter.mailLog.length, 2, 'a line for all that are refused')
  t.match(milter.mailLog, [
    /decision=defer fault=out-of-memory .*reply=452 interface=milter remote=192\.0\.2\.7/,
    /decision=accept .*rcpts=2 /,
  ])
})
