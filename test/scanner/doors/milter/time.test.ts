import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { Budget } from '../../../../src/base/flow/memory-budget.ts'
import { packet } from '../../../../src/scanner/protocol/milter/packets.ts'
import { plain } from '../../../cases/messages.ts'
import { HANGS_AFTER, until } from '../../../run/until.ts'
import { slowClamd } from '../slow-clamd.ts'
import { scanning } from './eicar.ts'
import { call, everything, exchange, negotiate, oldest, packets } from './mta.ts'
import { openMilter } from './rig.ts'

/** Things that take time and end: silence, scans, the daemon itself. */

const message = plain
const envelope = [packets.mail('a@example.org'), packets.recipient('b@example.org')]

// promise: rule-16-limits
t.test(
  'an MTA that stops during a packet or a message is not waited for without end',
  async (t) => {
    const timeouts = { progressAfter: 20, stalled: 40 }
    const milter = await openMilter(t, scanning, { timeouts })
    for (const sent of [
      [packets.mail('a@example.org'), packets.body('xyz').subarray(0, 6)],
      [...envelope, packets.field('A', 'b')],
      [packets.mail('a@example.org'), packets.body('xyz')],
    ]) {
      const mta = await milter.connect()
      mta.write(...sent)
      t.equal((await mta.hear())?.command, 't')
      t.equal(await mta.hear(), undefined)
    }
    t.match(milter.log, [/stopped responding/, /stopped responding/, /stopped responding/])
    const line = /decision=defer fault=read .*reply=451 .*from=<a@example\.org>/
    t.match(milter.mailLog, [line, line], 'each message whose content had begun has its line')
    t.equal(milter.mailLog.length, 2)
  },
)

t.test('an MTA that does not negotiate is closed in time, however many bytes come', async (t) => {
  const timeouts = { progressAfter: 20, negotiation: 500, leaving: HANGS_AFTER }
  const milter = await openMilter(t, scanning, { timeouts })
  const idle = await milter.connect()
  const trickling = await call(milter.socket)
  const mute = connect({ path: milter.socket, allowHalfOpen: true }).resume()
  t.teardown(() => mute.destroy())
  const bytes = [...packet('O', Buffer.alloc(60))]
  const trickle = setInterval(() => trickling.write(Buffer.from(bytes.splice(0, 1))), 25)
  t.teardown(() => clearInterval(trickle))
  t.equal(await trickling.hear(), undefined)
  await until(() => milter.state().clients === 1, 'none is here, even if it keeps its side open')
  t.equal((await idle.submit({ message: plain })).outcome, 'delivered')
  t.same(milter.log, [], 'which is worth no line each')
})

t.test('an MTA that leaves during a packet is reported', async (t) => {
  const milter = await openMilter(t, scanning)
  const cut = await milter.connect()
  cut.write(packets.field('Subject', 'x').subarray(0, 7))
  await cut.close()
  t.match(milter.log[0], /stopped in the middle of a packet/)
})

t.test('an MTA may be silent while an SMTP client thinks, and between messages', async (t) => {
  const timeouts = { progressAfter: 20, stalled: 20 }
  const milter = await openMilter(t, scanning, { timeouts })
  const mta = await milter.connect()
  mta.write(...envelope)
  const begins = await call(milter.socket)
  const other = await milter.connect() // falls silent, and is over after the same time
  other.write(packets.mail('a@example.org'), packets.body('x'))
  await other.hear()
  await negotiate(begins) // it has ten seconds for that
  mta.write(packets.abort)
  t.equal((await mta.submit({ message })).outcome, 'delivered')
})

// promise: rule-16-limits
t.test('the MTA gets progress packets while a message is judged', async (t) => {
  const clamd = await slowClamd(t)
  const milter = await openMilter(t, clamd.settings, { timeouts: { progressAfter: 10 } })
  const mta = await milter.connect()
  const over = mta.submit({ message })
  while (mta.progress < 3) await new Promise(setImmediate)
  await clamd.answer()
  t.equal((await over).outcome, 'delivered')
})

for (const [how, leave] of [
  ['leaves', (socket: Socket) => socket.destroy()],
  ['closes its own side', (socket: Socket) => socket.end()],
] as const) {
  t.test(`a scan ends when the MTA ${how}, which is logged`, async (t) => {
    const clamd = await slowClamd(t)
    const milter = await openMilter(t, clamd.settings)
    const mta = await milter.connect()
    const lost = mta.submit({ message }).catch(() => 'lost')
    const { connection } = await clamd.asked()
    const ended = once(connection, 'end')
    leave(mta.socket)
    await ended
    while (milter.mailLog.length === 0) await new Promise(setImmediate)
    t.equal(await lost, 'lost')
    t.match(milter.mailLog[0], /decision=defer fault=read reason="the connection ended before/)
    t.same(readdirSync(milter.directory), ['s'])
  })
}

t.test('an abort after the end of a message is too late, and not for the next one', async (t) => {
  const clamd = await slowClamd(t)
  const milter = await openMilter(t, { ...clamd.settings, REJECTVIRUS: '1' })
  const mta = await milter.connect()
  mta.write(...envelope, packets.body('x'), packets.end, packets.abort)
  await clamd.answer(1, 'V FOUND')
  t.equal((await mta.hear())?.command, 'y')
  const next = mta.submit({ message })
  await clamd.answer(2)
  t.equal((await next).outcome, 'delivered')
})

// promise: rule-16-limits
t.test('SCANTIMEOUT is the only deadline of a scan', async (t) => {
  const { settings } = await slowClamd(t)
  const milter = await openMilter(t, { ...settings, SCANTIMEOUT: '1' })
  t.match((await milter.submit({ message })).reply, /^451 4\.7\.1 /)
  t.match(milter.mailLog[0], /decision=defer scan=unknown .*reply=451/)
})

// promise: rule-7-temporary
t.test('mail is deferred if the spool cannot be written', async (t) => {
  const budget = new Budget(1024 * 1024)
  const milter = await openMilter(t, { ...scanning, TMPDIR: '/nonexistent' }, { budget })
  t.equal((await milter.submit({ message })).outcome, 'delivered', 'a small one needs none')
  const header = Buffer.from('mEssage-id: <full@x>\nMessage-ID: <other@x>\n')
  const got = await milter.submit({
    message: Buffer.concat([header, plain, Buffer.alloc(700_000, 'a line\n')]),
    sender: 'ann@example.org',
    recipients: ['bob@example.net', 'carol@example.net'],
  })
  t.match(got.reply, /^451 4\.3\.0 /)
  t.match(milter.mailLog[1], /decision=defer fault=temp-file reason=".*\/nonexistent/)
  const who = ' msgid=<full@x> from=<ann@example.org> to=<bob@example.net> rcpts=2 '
  t.match(milter.mailLog[1], who, 'and the line names the mail')
})

t.test('an interface that closes answers current messages, and no new ones', async (t) => {
  const clamd = await slowClamd(t)
  const milter = await openMilter(t, clamd.settings)
  const offers = [everything, everything, oldest] // the oldest has an answer to MAIL
  const [idle, judged, amid] = await Promise.all(offers.map((offer) => milter.connect(offer)))
  const answer = judged!.submit({ message })
  await clamd.asked()
  await exchange(amid!, amid!.agreed, packets.mail('a@example.org'))
  const closed = milter.close(60_000)
  t.equal(await idle!.hear(), undefined, 'who is amid no message is left')
  await clamd.answer(1)
  t.equal((await answer).outcome, 'delivered')
  t.equal(await judged!.hear(), undefined)
  const last = amid!.submit({ message })
  await clamd.answer(2)
  t.equal((await last).outcome, 'delivered')
  await closed
})

t.test('an interface that closes does not wait indefinitely, but defers mail', async (t) => {
  const clamd = await slowClamd(t)
  const milter = await openMilter(t, clamd.settings)
  const answer = milter.submit({ message, queueId: 'JUDGED' })
  const amid = await milter.connect()
  amid.write(...envelope)
  await exchange(amid, amid.agreed, packets.field('Message-ID', '<amid@x>'))
  const left = await milter.connect()
  left.write(...envelope)
  await exchange(left, left.agreed, packets.field('Message-ID', '<left@x>'))
  await left.close()
  await clamd.asked()
  await milter.close(1)
  t.equal((await answer).outcome, 'deferred')
  t.equal((await amid.hear())?.command, 't')
  const lines = milter.mailLog.toSorted()
  t.match(lines, [/fault=read .*queue=JUDGED/, /fault=read .*reply=451 .*msgid=<amid@x>/])
  t.equal(lines.length, 2, 'each message that was answered has one line')
})
