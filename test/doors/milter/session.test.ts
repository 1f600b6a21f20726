import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { packet } from '../../../src/doors/milter/wire/packets.ts'
import { bytes } from '../../cases/case.ts'
import { infected, plain } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { md5Hex } from '../../cluster/independent.ts'
import { standIn } from '../../scan/clamd/stand-in.ts'
import { call, everything, type Line, macros, negotiate, negotiation, oldest, says } from './mta.ts'
import { openMilter } from './rig.ts'
import { replyOf, submit } from './submit.ts'

/** Connections: what may follow what, and what each part of them leaves behind. */

const scanning = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' }
const eicar = bytes(
  `Subject: x\n\n${'X5O!P%@AP[4\\PZX54(P^)7CC)7}$'}EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\n`,
)

/** The steps of a message, each with what is said at it. */
const steps: readonly (readonly [string, Buffer])[] = [
  ['MAIL', says.mail('a@example.org')],
  ['RCPT', says.recipient('b@example.org')],
  ['the first field', says.field('Subject', ' aborted')],
  ['another field', says.field('X-QHPSI', ' virus found')],
  ['end of header', says.endOfHeader],
  ['body', says.body('VIRUS\r\n')],
  ['a large body', says.body(Buffer.alloc(60_000, 97))],
  ['a larger body', says.body(Buffer.alloc(65_000, 97))],
  ['a body beyond what is kept in memory', says.body(Buffer.alloc(65_000, 97))],
]

t.test(
  'a message may be aborted in each state, and the next one is judged by itself',
  async (t) => {
    const stage = buildStage()
    t.teardown(() => stage.remove())
    const milter = await openMilter(t, { QHPSI: stage.scanner, REJECTVIRUS: '1' })
    const line = await milter.connect()
    for (let length = 1; length <= steps.length; length++) {
      line.write(...steps.slice(0, length).map(([, said]) => said), says.abort)
      const got = await submit(line, line.agreed, { message: plain, recipients: ['c@example.org'] })
      t.equal(got.outcome, 'delivered', `aborted at ${steps[length - 1]![0]}`)
      t.same(got.recipients, ['c@example.org'])
      t.ok(got.message.equals(Buffer.concat([bytes('X-QHPSI: clean\n'), plain])))
    }
    t.equal(stage.scans(), steps.length, 'what was aborted was not scanned')
    t.equal(milter.mailLog.length, steps.length)
    t.same(readdirSync(milter.directory), ['s'])
  },
)

t.test('an MTA may leave in each state, and nothing stays', async (t) => {
  const milter = await openMilter(t, scanning)
  for (let length = 0; length <= steps.length; length++) {
    const line = await milter.connect()
    line.write(...steps.slice(0, length).map(([, said]) => said))
    await line.close()
  }
  t.same(milter.log, [])
  t.same(milter.mailLog, [])
  await milter.close(60_000) // resolves when nobody is left
})

t.test('several messages on a connection have verdicts of their own', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  const sent = [plain, eicar, plain, eicar, bytes('Subject: last\n\n')]
  const outcomes: string[] = []
  for (const message of sent) {
    outcomes.push((await submit(line, line.agreed, { message })).outcome)
  }
  t.same(outcomes, ['delivered', 'refused', 'delivered', 'refused', 'delivered'])
})

t.test('another client may follow on the same connection', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  await submit(line, line.agreed, { message: plain, authenticated: 'alice' })
  line.write(says.mail('half@example.org'), says.quitNewConnection, says.connect('198.51.100.9'))
  const got = await submit(line, line.agreed, { message: plain })
  t.equal(got.outcome, 'delivered')
  t.match(milter.mailLog[0], / remote=192\.0\.2\.7 /)
  t.match(milter.mailLog[1], / remote=198\.51\.100\.9 .* from=<a@example\.org>/)
})

t.test('MAIL ends the message before it, as with libmilter', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  line.write(says.mail('x@example.org'), says.recipient('x@example.org'), says.field('A', 'b'))
  const got = await submit(line, line.agreed, { message: plain })
  t.same(got.recipients, ['b@example.org'])
  t.match(milter.mailLog.join(''), / rcpts=1 /)
})

t.test('a body is the same wherever it is split, and whichever packet has its end', async (t) => {
  const message = bytes('Subject: x\n\none\n\ntwo\n.\nthree\n')
  const ring = buildStage().file('ring', 'sesame\n')
  const milter = await openMilter(t, {
    ...scanning,
    CLUSTERKEYS: ring,
    CLAMDBDIR: '/nonexistent',
  })
  const stamp = `X-MD5-Cluster-1: ${md5Hex(message, 'sesame')}\n`
  const wanted = Buffer.concat([bytes(`X-QHPSI: clean\n${stamp}`), message])
  const line = await milter.connect()
  for (let chunk = 1; chunk <= message.length; chunk++) {
    for (const endsWithData of [false, true]) {
      const got = await submit(line, line.agreed, { message, chunk, endsWithData })
      t.ok(got.message.equals(wanted), `${chunk} bytes at a time`)
    }
  }
})

t.test('a conversation is the same however its bytes arrive', async (t) => {
  const milter = await openMilter(t, scanning)
  const talk = Buffer.concat([
    negotiation(everything),
    says.connect(),
    macros('M', { '{auth_authen}': 'alice', i: '4EARLY' }),
    says.mail('a@example.org', 'SIZE=12'),
    says.recipient('b@example.org'),
    says.field('Subject', ' x'),
    says.body('body\r\n'),
    says.end,
    says.mail('a@example.org'),
    says.recipient('b@example.org'),
    says.field('X-QHPSI', ' forged'),
    says.body(eicar.subarray(12, 80)),
    says.end,
    says.quit,
  ])
  const answers = async (pieces: readonly Buffer[]) => {
    const line = await call(milter.socket)
    const heard: string[] = []
    for (const piece of pieces) line.write(piece)
    for (let next = await line.hear(); next; next = await line.hear()) heard.push(next.command)
    await line.close()
    return heard.join('')
  }
  t.equal(await answers([talk]), 'Oiay')
  t.equal(await answers(Array.from(talk, (byte) => Buffer.of(byte))), 'Oiay')
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(talk.length), { maxLength: 9 }), async (places) => {
      const at = [0, ...places.sort((a, b) => a - b)]
      t.equal(await answers(at.map((start, i) => talk.subarray(start, at[i + 1]))), 'Oiay')
    }),
    { numRuns: 20 },
  )
})

t.test('to an MTA of the first version each command is answered', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect(oldest)
  t.equal(line.agreed.version, 2)
  t.equal((await submit(line, line.agreed, { message: plain })).outcome, 'delivered')
  line.write(says.helo)
  t.equal((await line.hear())?.command, 'c')
})

t.test('the MTA is asked for the macros that are needed, where it lets itself be', async (t) => {
  const milter = await openMilter(t, scanning)
  t.match((await milter.connect()).agreed.macros, /\x02i \{auth_authen\}\0/)
  t.equal((await milter.connect({ ...everything, actions: 0xff })).agreed.macros, '')
})

/** What is said, and whether the MTA is waiting for an answer that it can take for one. */
const nonsense: readonly (readonly [string, readonly Buffer[]])[] = [
  ['a command that there is not', [packet('?')]],
  ['one amid a message', [says.mail('a@b'), says.recipient('c@d'), packet('Z', Buffer.from('x'))]],
  ['a length of nothing', [Buffer.alloc(4)]],
  ['a length that is too long', [Buffer.from([0xff, 0xff, 0xff, 0xff, 0x42])]],
  ['a second negotiation', [negotiation(everything)]],
  ['RCPT without MAIL', [says.recipient('a@b')]],
  ['a field without MAIL', [says.field('A', 'b')]],
  ['a body without MAIL', [says.body('x')]],
  ['an end without MAIL', [says.end]],
  ['RCPT behind the header', [says.mail('a@b'), says.field('A', 'b'), says.recipient('c@d')]],
  ['a field behind the body', [says.mail('a@b'), says.body('x'), says.field('A', 'b')]],
  ['a field without a value', [says.mail('a@b'), packet('L', Buffer.from('Subject\0'))]],
  ['a NUL inside a value', [says.mail('a@b'), packet('L', Buffer.from('Subject\0a\0b\0'))]],
  ['macros without an end', [packet('D', Buffer.from('Mi'))]],
]

for (const [what, said] of nonsense) {
  t.test(`${what}: mail is put off, and the connection ends`, async (t) => {
    const milter = await openMilter(t, scanning)
    const line = await milter.connect()
    line.write(...said)
    t.equal((await line.hear())?.command, 't')
    t.equal(await line.hear(), undefined, 'the filter has left')
    t.equal(milter.log.length, 1)
    t.match(milter.log[0], /^milter: the MTA: [^\n]+$/)
    t.equal((await milter.submit({ message: plain })).outcome, 'delivered', 'others are served')
  })
}

t.test(
  'before the negotiation nothing is taken, and no MTA that lacks what is needed',
  async (t) => {
    const milter = await openMilter(t, scanning)
    for (const said of [
      says.mail('a@b'),
      negotiation({ ...everything, actions: 0x101 }),
      negotiation({ ...everything, version: 1 }),
      packet('O', Buffer.alloc(5)),
    ]) {
      const line = await call(milter.socket)
      line.write(said)
      t.equal((await line.hear())?.command, 't')
      t.equal(await line.hear(), undefined)
      await line.close()
    }
    t.match(milter.log.join('\n'), /mail before the negotiation[\s\S]*does not offer changeFields/)
  },
)

t.test('an MTA that stops amid a packet or a message is not waited for without end', async (t) => {
  const patience = { progressAfter: 20, stalled: 40, idle: 60_000, leaving: 20 }
  const milter = await openMilter(t, scanning, { patience })
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
  t.match(milter.log[3], /stopped amid a packet/)
})

t.test('while an SMTP client thinks, and between messages, the MTA may be silent', async (t) => {
  const patience = { progressAfter: 20, stalled: 20, idle: 60_000, leaving: 20 }
  const milter = await openMilter(t, scanning, { patience })
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
  const patience = { progressAfter: 10, stalled: 60_000, idle: 60_000, leaving: 20 }
  const milter = await openMilter(t, { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }, { patience })
  const line = await milter.connect()
  const over = submit(line, line.agreed, { message: plain })
  while (line.progress < 3) await tick()
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
    await negotiateOnce(milter.socket) // said behind the abort, so that was heard
    await waiting[1]!.close()
    t.equal((await submit(third, third.agreed, { message: plain })).outcome, 'delivered')
  },
)

async function negotiateOnce(socket: string): Promise<void> {
  const line: Line = await call(socket)
  await negotiate(line)
  await line.close()
}

t.test('an address that is too long is refused for good', async (t) => {
  const milter = await openMilter(t, scanning)
  const recipients = ['b@example.org', `${'x'.repeat(1003)}@example.org`]
  const got = await milter.submit({ message: plain, recipients })
  t.equal(got.outcome, 'refused')
  t.match(got.reply, /^553 5\.1\.0 /)
  t.match(milter.mailLog[0], /decision=reject fault=address-too-long .*reply=553/)
})

t.test('a spool that cannot be written puts mail off', async (t) => {
  const milter = await openMilter(t, scanning)
  const small = await milter.submit({ message: plain })
  t.equal(small.outcome, 'delivered')
  milter.configure(await milter.configured({ ...scanning, TMPDIR: '/nonexistent' }))
  const got = await milter.submit({ message: Buffer.concat([plain, Buffer.alloc(200_000, 10)]) })
  t.match(got.reply, /^451 4\.3\.0 /)
  t.match(milter.mailLog[1], /decision=defer fault=temp-file reason=".*\/nonexistent/)
})

t.test('a new configuration is for the next message on the same connection', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  t.equal((await submit(line, line.agreed, { message: eicar })).outcome, 'refused')
  milter.configure(await milter.configured({ ...scanning, REJECTVIRUS: '2' }))
  t.equal((await submit(line, line.agreed, { message: eicar })).outcome, 'dropped')
  milter.configure(await milter.configured({}))
  const got = await submit(line, line.agreed, { message: eicar })
  t.ok(got.message.equals(eicar), 'without QHPSI it passes as it is')
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
  await negotiateOnce(milter.socket)
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

t.test('percent signs and other tricks in a name go out as they are', async (t) => {
  const stage = buildStage()
  t.teardown(() => stage.remove())
  const scanner = stage.file(
    'odd',
    `#!/bin/sh\nprintf '%s: 100%%%%s FOUND\\n' "$1"\nexit 1\n`,
    0o700,
  )
  const milter = await openMilter(t, { QHPSI: scanner, REJECTVIRUS: '1' })
  const line = await milter.connect()
  line.write(
    says.mail('a@example.org'),
    says.recipient('b@example.org'),
    says.body('x\r\n'),
    says.end,
  )
  const answer = (await line.hear())!
  t.equal(answer.command, 'y')
  t.match(answer.data.toString('latin1'), /virus 100%%%%s/)
  t.match(replyOf(answer), /^550 5\.7\.1 message refused: virus 100%%s$/)
})

t.test('100,000 header fields are survived', async (t) => {
  const milter = await openMilter(t, { ...scanning, VIRUSFORWARD: 'v@example.org' })
  const many = (name: string, count: number) =>
    Buffer.concat([bytes(`${name}: 1\n`.repeat(count)), bytes('\nbody\n')])
  const fit = await milter.submit({ message: many('A', 100_000) })
  t.equal(fit.outcome, 'delivered', 'of 600,000 bytes in all')
  t.match(fit.message.toString('latin1', 0, 20), /^X-QHPSI: clean\nA: 1/)
  // Each of them costs an edit: the answer is larger than what an MTA leaves untaken otherwise.
  const forged = await milter.submit({ message: many('X-QHPSI', 80_000) })
  t.equal(forged.message.toString('latin1'), 'X-QHPSI: clean\n\nbody\n')
  const large = await milter.submit({ message: many('Subject', 100_000) })
  t.match(large.reply, /^552 5\.3\.4 header of the message is larger than 1 MiB/)
})

t.test('a large header is not made to look small by an empty line in a value', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  line.write(says.mail('a@example.org'), says.recipient('b@example.org'))
  line.write(says.field('Subject', ' x\n\nseemingly the body'))
  for (let i = 0; i < 20; i++) line.write(says.field('X', 'y'.repeat(60_000)))
  line.write(says.body(eicar), says.end)
  t.match(replyOf((await line.hear())!), /^552 5\.3\.4 /)
})

t.test('recipients without end are put off', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  line.write(says.mail('a@example.org'))
  const some = Buffer.concat(Array.from({ length: 100 }, () => says.recipient('x'.repeat(900))))
  for (let i = 0; i < 50; i++) line.write(some)
  line.write(says.body('x'), says.end)
  t.match(replyOf((await line.hear())!), /^451 4\.3\.0 /)
  t.match(milter.mailLog[0], /fault=out-of-memory reason="recipients of over 4194304 bytes/)
})

t.test('a message with a NUL in its body is scanned whole', async (t) => {
  const milter = await openMilter(t, scanning)
  const message = Buffer.concat([bytes('Subject: x\n\n\0\0'), eicar.subarray(12)])
  t.equal((await milter.submit({ message })).outcome, 'refused')
})

t.test('where nothing is scanned the mail passes without an edit', async (t) => {
  const milter = await openMilter(t, {})
  const line = await milter.connect()
  line.write(says.mail('a@example.org'), says.recipient('b@example.org'))
  line.write(says.field('X-QHPSI', ' virus found'), says.body(infected), says.end)
  t.equal((await line.hear())?.command, 'a')
  t.match(milter.mailLog[0], /decision=pass reason="QHPSI is not set" door=milter/)
})

const tick = () => new Promise((resolve) => setTimeout(resolve, 5))
