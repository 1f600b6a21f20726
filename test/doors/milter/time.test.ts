import { readdirSync } from 'node:fs'
import t from 'tap'
import { plain } from '../../cases/messages.ts'
import { standIn } from '../../scan/clamd/stand-in.ts'
import { scanning } from './eicar.ts'
import { knock, says } from './mta.ts'
import { openMilter } from './rig.ts'
import { submit } from './submit.ts'

/** What takes time, and ends: silence, scans, the daemon itself. */

t.test('an MTA that stops amid a packet or a message is not waited for without end', async (t) => {
  const timeouts = {
    negotiation: 10_000,
    progressAfter: 20,
    stalled: 40,
    idle: 60_000,
    leaving: 20,
  }
  const milter = await openMilter(t, scanning, { timeouts })
  for (const said of [
    [says.mail('a@example.org'), says.body('xyz').subarray(0, 6)],
    [says.mail('a@example.org'), says.recipient('b@example.org'), says.field('A', 'b')],
    [says.mail('a@example.org'), says.body('xyz')],
  ]) {
    const line = await milter.connect()
    line.write(...said)
    t.equal((await line.hear())?.command, 't')
    t.equal(await line.hear(), undefined)
  }
  t.match(milter.log, [/fell silent/, /fell silent/, /fell silent/])
  const cut = await milter.connect()
  cut.write(says.field('Subject', 'x').subarray(0, 7))
  await cut.close()
  t.match(milter.log[3], /stopped within a packet/)
})

t.test('while an SMTP client thinks, and between messages, the MTA may be silent', async (t) => {
  const timeouts = {
    negotiation: 10_000,
    progressAfter: 20,
    stalled: 20,
    idle: 60_000,
    leaving: 20,
  }
  const milter = await openMilter(t, scanning, { timeouts })
  const line = await milter.connect()
  line.write(says.mail('a@example.org'), says.recipient('b@example.org'))
  const other = await milter.connect() // falls silent, and is over after the same time
  other.write(says.mail('a@example.org'), says.body('x'))
  await other.hear()
  line.write(says.abort)
  t.equal((await submit(line, line.agreed, { message: plain })).outcome, 'delivered')
})

t.test('while a message is judged the MTA is told that it is', async (t) => {
  const clamd = await standIn(t, () => {})
  const timeouts = {
    negotiation: 10_000,
    progressAfter: 10,
    stalled: 60_000,
    idle: 60_000,
    leaving: 20,
  }
  const milter = await openMilter(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }, { timeouts })
  const line = await milter.connect()
  const over = submit(line, line.agreed, { message: plain })
  while (line.progress < 3 || clamd.connections.length === 0) await tick()
  clamd.connections[0]!.end('stream: OK\0')
  t.equal((await over).outcome, 'delivered')
})

t.test('a scan ends when the MTA has gone, and the log says so', async (t) => {
  const clamd = await standIn(t, () => {})
  const milter = await openMilter(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  const line = await milter.connect()
  const lost = submit(line, line.agreed, { message: plain }).catch(() => 'lost')
  while (clamd.connections.length === 0) await tick()
  const ended = new Promise((resolve) => clamd.connections[0]!.once('end', resolve))
  line.socket.destroy()
  await ended
  while (milter.mailLog.length === 0) await tick()
  t.equal(await lost, 'lost')
  t.match(milter.mailLog[0], /decision=defer fault=read reason="the MTA left before/)
  t.same(readdirSync(milter.directory), ['s'])
})

t.test('an abort behind the end comes too late, and the next message is another', async (t) => {
  const release: (() => void)[] = []
  const clamd = await standIn(t, (connection) => {
    release.push(() => connection.end(`stream: ${release.length === 1 ? 'V FOUND' : 'OK'}\0`))
  })
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, REJECTVIRUS: '1' }
  const milter = await openMilter(t, settings)
  const line = await milter.connect()
  line.write(says.mail('a@example.org'), says.recipient('b@example.org'), says.body('x'), says.end)
  line.write(says.abort)
  while (release.length < 1) await tick()
  release[0]!()
  t.equal((await line.hear())?.command, 'y')
  const next = submit(line, line.agreed, { message: plain })
  while (release.length < 2) await tick()
  release[1]!()
  t.equal((await next).outcome, 'delivered')
})

t.test('SCANTIMEOUT is the one deadline', async (t) => {
  const clamd = await standIn(t, () => {})
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, SCANTIMEOUT: '1' }
  const milter = await openMilter(t, settings)
  const got = await milter.submit({ message: plain })
  t.match(got.reply, /^451 4\.7\.1 /)
  t.match(milter.mailLog[0], /decision=defer scan=unknown .*reply=451/)
})

t.test(
  'more messages at once than allowed are put off, and count no more when they are over',
  async (t) => {
    const milter = await openMilter(t, scanning, { maxClients: 2 })
    const waiting = await Promise.all([milter.connect(), milter.connect()])
    for (const line of waiting) {
      line.write(says.mail('a@example.org'), says.recipient('b@example.org'), says.field('A', 'b'))
    }
    const third = await milter.connect()
    const got = await submit(third, third.agreed, { message: plain })
    t.match(got.reply, /^451 4\.3\.0 .*try again later/)
    t.match(milter.mailLog[0], /fault=out-of-memory reason=".*--max-clients/)
    waiting[0]!.write(says.abort)
    await knock(milter.socket) // said behind the abort, so that was heard
    await waiting[1]!.close()
    t.equal((await submit(third, third.agreed, { message: plain })).outcome, 'delivered')
  },
)

t.test('a spool that cannot be written puts mail off', async (t) => {
  const milter = await openMilter(t, scanning)
  const small = await milter.submit({ message: plain })
  t.equal(small.outcome, 'delivered')
  milter.configure(await milter.configured({ ...scanning, TMPDIR: '/nonexistent' }))
  const header = Buffer.from('mEssage-id: <full@x>\nMessage-ID: <other@x>\n')
  const got = await milter.submit({
    message: Buffer.concat([header, plain, Buffer.alloc(200_000, 10)]),
    sender: 'ann@example.org',
    recipients: ['bob@example.net', 'carol@example.net'],
  })
  t.match(got.reply, /^451 4\.3\.0 /)
  t.match(milter.mailLog[1], /decision=defer fault=temp-file reason=".*\/nonexistent/)
  const who = ' msgid=<full@x> from=<ann@example.org> to=<bob@example.net> rcpts=2 '
  t.match(milter.mailLog[1], who, 'and the line names the mail')
})

t.test('told to close, it answers what is here and leaves the others', async (t) => {
  const release: (() => void)[] = []
  const clamd = await standIn(t, (connection) => {
    release.push(() => connection.end('stream: OK\0'))
  })
  const milter = await openMilter(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  const [idle, judged, amid] = await Promise.all([1, 2, 3].map(() => milter.connect()))
  const answer = submit(judged!, judged!.agreed, { message: plain })
  while (release.length < 1) await tick()
  amid!.write(says.mail('a@example.org'))
  await knock(milter.socket)
  const closed = milter.close(60_000)
  t.equal(await idle!.hear(), undefined, 'who is amid no message is left')
  for (const free of release) free()
  t.equal((await answer).outcome, 'delivered')
  t.equal(await judged!.hear(), undefined)
  const last = submit(amid!, amid!.agreed, { message: plain })
  while (release.length < 2) await tick()
  release[1]!()
  t.equal((await last).outcome, 'delivered')
  await closed
})

t.test('it does not wait for ever: mail is put off then', async (t) => {
  const clamd = await standIn(t, () => {})
  const milter = await openMilter(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  const line = await milter.connect()
  const answer = submit(line, line.agreed, { message: plain })
  while (clamd.connections.length === 0) await tick()
  await milter.close(1)
  t.equal((await answer).outcome, 'deferred')
})

const tick = () => new Promise((resolve) => setTimeout(resolve, 5))
