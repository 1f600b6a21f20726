import t from 'tap'
import { PERMITS } from '../../../../src/scanner/scan/scanners/permits/scan-permits.ts'
import { plain } from '../../../cases/messages.ts'
import { until } from '../../../run/until.ts'
import { numbered, standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { slowClamd } from '../slow-clamd.ts'
import { packets } from './mta.ts'
import { openMilter } from './rig.ts'

const LARGE_FROM = 1024 * 1024

/** More messages at once than may be judged. */
const message = plain

t.test('five hundred messages at once are judged in order, and none is deferred', async (t) => {
  const AT_ONCE = 500
  const LIMIT = PERMITS.small - 1
  let now = 0
  let most = 0
  let all = () => {}
  const full = new Promise<void>((resolve) => {
    all = resolve
  })
  const clamd = await standIn(t, async (asked) => {
    most = Math.max(most, ++now)
    if (now === LIMIT) all()
    await full // as many as there may be are here at once
    await new Promise(setImmediate)
    now--
    numbered('stream: OK')(asked)
  })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, VERDICTS: 'off' }
  const milter = await openMilter(t, settings, { maxClients: LIMIT })
  const got = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, n) => {
      const text = `Subject: ${n}\n\n${'x'.repeat(n % 7 === 0 ? 100_000 : 100)}\n`
      return milter.submit({ message: Buffer.from(text) })
    }),
  )
  t.ok(got.every(({ outcome }) => outcome === 'delivered'))
  t.equal(most, LIMIT)
  t.equal(milter.state().memory, 0)
})

t.test('a small message does not wait for fourteen large ones', async (t) => {
  const large: (() => void)[] = []
  const clamd = await standIn(t, (asked) => {
    const answer = () => numbered('stream: OK')(asked)
    if (asked.message.length >= LARGE_FROM) large.push(answer)
    else answer()
  })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, VERDICTS: 'off' }
  const milter = await openMilter(t, settings)
  const body = `${'x'.repeat(63)}\n`.repeat(LARGE_FROM / 64)
  const sent = Array.from({ length: 14 }, (_, n) => {
    return milter.submit({ message: Buffer.from(`Subject: ${n}\n\n${body}`) })
  })
  await until(() => large.length >= PERMITS.large, 'as many large ones as may')
  t.equal((await milter.submit({ message })).outcome, 'delivered')
  t.equal(large.length, PERMITS.large, 'the others wait for their place at clamd')
  for (let n = 0; n < sent.length; n++) {
    await until(() => large.length > n, 'the next one')
    large[n]!()
  }
  for (const { outcome } of await Promise.all(sent)) t.equal(outcome, 'delivered')
})

t.test('simultaneous large messages are scanned one after the other', async (t) => {
  const COUNT = 8
  const asked: (() => void)[] = []
  const clamd = await standIn(t, (question) => {
    asked.push(() => numbered('stream: OK')(question))
  })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, VERDICTS: 'off' }
  const milter = await openMilter(t, settings)
  let delivered = 0
  const sent = Array.from({ length: COUNT }, async (_, n) => {
    const message = composeMail(LARGE_FROM, n)
    const { outcome } = await milter.submit({ message })
    t.equal(outcome, 'delivered')
    delivered++
  })
  // Each message is asked about as a file, and as a whole.
  for (let n = 0; n < 2 * COUNT; n++) {
    await until(() => asked.length > n, `question ${n}`)
    t.ok(asked.length - n <= PERMITS.large, 'no message is asked about before it may be scanned')
    asked[n]!()
    const begun = Math.ceil((n + 1) / 2)
    await until(() => delivered > begun - PERMITS.large, `of ${begun} that were begun nearly all`)
  }
  await Promise.all(sent)
})

/** A message with a file of this many bytes. */
function composeMail(size: number, n: number): Buffer {
  const file = Buffer.alloc(size, `file ${n} `).toString('base64').replace(/.{76}/g, '$&\n')
  const head =
    'Content-Type: application/octet-stream; name=x.bin\nContent-Transfer-Encoding: base64'
  return Buffer.from(`Subject: ${n}\nMIME-Version: 1.0\n${head}\n\n${file}\n`)
}

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
  const left = /over 1 messages at once \(--max-clients\): the client has left/
  await until(() => milter.mailLog.some((line) => left.test(line)), 'the log has why')
  t.equal(milter.state().memory, 0)
})
