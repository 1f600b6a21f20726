import { readdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import t from 'tap'
import { Turns } from '../../../src/doors/shared/turns.ts'
import { MEMORY_FILE_MAX } from '../../../src/mail/message/intake.ts'
import {
  LARGE_CONVERSATIONS_MAX,
  LARGE_FROM,
} from '../../../src/scan/scanners/clamd/server-queue.ts'
import { plain } from '../../cases/messages.ts'
import { numbered, sessionStandIn } from '../../scan/scanners/clamd/session-stand-in.ts'
import { standIn } from '../../scan/scanners/clamd/stand-in.ts'
import { scanning } from './eicar.ts'
import { knock, says } from './mta.ts'
import { openMilter } from './rig.ts'
import { submit } from './submit.ts'

/** Things that take time and end: silence, scans, the daemon itself. */

// promise: rule-16-limits
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
})

t.test('an MTA that leaves amid a packet is named as such', async (t) => {
  const milter = await openMilter(t, scanning)
  const cut = await milter.connect()
  cut.write(says.field('Subject', 'x').subarray(0, 7))
  await cut.close()
  t.match(milter.log[0], /stopped within a packet/)
})

t.test('an MTA may be silent while an SMTP client thinks, and between messages', async (t) => {
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

// promise: rule-16-limits
t.test('the MTA gets progress packets while a message is judged', async (t) => {
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

for (const [how, leave] of [
  ['leaves', (socket: Socket) => socket.destroy()],
  ['closes its own side', (socket: Socket) => socket.end()],
] as const) {
  t.test(`a scan ends when the MTA ${how}, and the log says so`, async (t) => {
    const clamd = await standIn(t, () => {})
    const milter = await openMilter(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
    const line = await milter.connect()
    const lost = submit(line, line.agreed, { message: plain }).catch(() => 'lost')
    while (clamd.connections.length === 0) await tick()
    const ended = new Promise((resolve) => clamd.connections[0]!.once('end', resolve))
    leave(line.socket)
    await ended
    while (milter.mailLog.length === 0) await tick()
    t.equal(await lost, 'lost')
    t.match(milter.mailLog[0], /decision=defer fault=read reason="the connection ended before/)
    t.same(readdirSync(milter.directory), ['s'])
  })
}

t.test(
  'an abort after the end of a message comes too late, and does not touch the next message',
  async (t) => {
    const release: (() => void)[] = []
    const clamd = await standIn(t, (connection) => {
      release.push(() => connection.end(`stream: ${release.length === 1 ? 'V FOUND' : 'OK'}\0`))
    })
    const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, REJECTVIRUS: '1' }
    const milter = await openMilter(t, settings)
    const line = await milter.connect()
    line.write(
      says.mail('a@example.org'),
      says.recipient('b@example.org'),
      says.body('x'),
      says.end,
    )
    line.write(says.abort)
    while (release.length < 1) await tick()
    release[0]!()
    t.equal((await line.hear())?.command, 'y')
    const next = submit(line, line.agreed, { message: plain })
    while (release.length < 2) await tick()
    release[1]!()
    t.equal((await next).outcome, 'delivered')
  },
)

// promise: rule-16-limits
t.test('SCANTIMEOUT is the only deadline of a scan', async (t) => {
  const clamd = await standIn(t, () => {})
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, SCANTIMEOUT: '1' }
  const milter = await openMilter(t, settings)
  const got = await milter.submit({ message: plain })
  t.match(got.reply, /^451 4\.7\.1 /)
  t.match(milter.mailLog[0], /decision=defer scan=unknown .*reply=451/)
})

t.test(
  'five hundred messages at once are judged one after the other, and none is deferred',
  async (t) => {
    const AT_ONCE = 500
    const LIMIT = 20
    let now = 0
    let most = 0
    let all = () => {}
    const full = new Promise<void>((resolve) => {
      all = resolve
    })
    const clamd = await sessionStandIn(t, async (asked) => {
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
  },
)

t.test('a small message does not wait for fourteen large ones', async (t) => {
  const large: (() => void)[] = []
  const clamd = await sessionStandIn(t, (asked) => {
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
  while (large.length < LARGE_CONVERSATIONS_MAX) await tick()
  t.equal((await milter.submit({ message: plain })).outcome, 'delivered')
  t.equal(large.length, LARGE_CONVERSATIONS_MAX, 'the others wait for their place at clamd')
  for (let n = 0; n < sent.length; n++) {
    while (large.length <= n) await tick()
    large[n]!()
  }
  for (const { outcome } of await Promise.all(sent)) t.equal(outcome, 'delivered')
})

t.test('an MTA that leaves while its message waits gives its turn to others', async (t) => {
  const release: (() => void)[] = []
  const clamd = await standIn(t, (connection) => release.push(() => connection.end('stream: OK\0')))
  const settings = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, VERDICTS: 'off' }
  const milter = await openMilter(t, settings, { maxClients: 1 })
  const first = milter.submit({ message: plain })
  while (release.length < 1) await tick()
  const waiting = await milter.connect()
  waiting.write(says.mail('a@example.org'), says.recipient('b@example.org'), says.end)
  await knock(milter.socket)
  const third = milter.submit({ message: plain })
  await waiting.close()
  release[0]!()
  t.equal((await first).outcome, 'delivered')
  while (release.length < 2) await tick()
  release[1]!()
  t.equal((await third).outcome, 'delivered')
  t.match(milter.mailLog[0], /over 1 messages at once \(--max-clients\): it was left/)
  t.equal(milter.state().memory, 0)
})

t.test('a message that would wait too long for its turn is deferred', async (t) => {
  const turns = new Turns(1)
  const { signal } = new AbortController()
  const over = await turns.take(signal)
  await t.rejects(turns.take(signal, 5), {
    kind: 'out-of-memory',
    message: 'over 1 messages at once (--max-clients): no turn in 0.005 seconds',
  })
  over()
  const next = turns.take(signal, 5)
  await t.resolves(next, "and takes nobody else's")
})

// promise: rule-7-temporary
t.test('mail is deferred if the spool cannot be written', async (t) => {
  const milter = await openMilter(t, scanning)
  const small = await milter.submit({ message: plain })
  t.equal(small.outcome, 'delivered')
  milter.configure(await milter.configured({ ...scanning, TMPDIR: '/nonexistent' }))
  const header = Buffer.from('mEssage-id: <full@x>\nMessage-ID: <other@x>\n')
  const got = await milter.submit({
    message: Buffer.concat([header, plain, Buffer.alloc(MEMORY_FILE_MAX, 'a line\n')]),
    sender: 'ann@example.org',
    recipients: ['bob@example.net', 'carol@example.net'],
  })
  t.match(got.reply, /^451 4\.3\.0 /)
  t.match(milter.mailLog[1], /decision=defer fault=temp-file reason=".*\/nonexistent/)
  const who = ' msgid=<full@x> from=<ann@example.org> to=<bob@example.net> rcpts=2 '
  t.match(milter.mailLog[1], who, 'and the line names the mail')
})

t.test(
  'a door that closes answers the messages that are here, and leaves the other connections',
  async (t) => {
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
  },
)

t.test('a door that closes does not wait for ever, but defers mail', async (t) => {
  const clamd = await standIn(t, () => {})
  const milter = await openMilter(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket })
  const line = await milter.connect()
  const answer = submit(line, line.agreed, { message: plain })
  while (clamd.connections.length === 0) await tick()
  await milter.close(1)
  t.equal((await answer).outcome, 'deferred')
})

const tick = () => new Promise((resolve) => setTimeout(resolve, 5))
