import t from 'tap'
import { plain } from '../../../cases/messages.ts'
import { until } from '../../../run/until.ts'
import { slowClamd } from '../slow-clamd.ts'
import { packets } from './mta.ts'
import { openMilter } from './rig.ts'

/** More messages at once than may be judged. */
const message = plain

t.test('an MTA that leaves while its message waits makes room for others', async (t) => {
  const clamd = await slowClamd(t)
  const timeouts = { progressAfter: 10 }
  const milter = await openMilter(t, clamd.settings, { maxClients: 1, timeouts })
  const first = milter.submit({ message })
  await clamd.asked()
  const waiting = await milter.connect()
  waiting.write(packets.mail('a@example.org'), packets.recipient('b@example.org'), packets.end)
  await until(() => waiting.progress > 0, 'its message waits to be judged')
  const third = milter.submit({ message })
  await waiting.close()
  await clamd.answer(1)
  t.equal((await first).outcome, 'delivered')
  await clamd.answer(2)
  t.equal((await third).outcome, 'delivered')
  const left =
    /more than 1 messages at once \(--max-clients\): the client disconnected while it waited/
  await until(() => milter.mailLog.some((line) => left.test(line)), 'the log has why')
  t.equal(milter.state().memory, 0)
})
