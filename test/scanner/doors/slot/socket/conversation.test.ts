import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import t, { type Test } from 'tap'
import { makeEnvelope } from '../../../../../src/mail/message/envelope.ts'
import { TEST_NEXT_PROGRAM } from '../../../../../src/scanner/doors/slot/test-next-program.ts'
import {
  MailReporter,
  type ProcessReport,
} from '../../../../../src/scanner/observe/live/process-report.ts'
import { uint32 } from '../../../../../src/scanner/protocol/frames.ts'
import { frame } from '../../../../../src/scanner/protocol/slot/slot-frames.ts'
import { readQuarantine } from '../../../../cases/kept.ts'
import { infected, plain } from '../../../../cases/messages.ts'
import { buildStage } from '../../../../cases/stage.ts'
import { closed } from '../../../../run/closed.ts'
import { slowClamd } from '../../slow-clamd.ts'
import {
  ask,
  call,
  carryOut,
  framesOf,
  hearOut,
  type Outcome,
  type Question,
  simpleEnvelope,
} from './client.ts'
import { type OpenSlot, openSlot } from './rig.ts'

/**
 * Conversations with the slot socket: their times and limits, and clients that break the protocol.
 */
const own = { QHPSI: 'plugin: eicar' }
const question: Question = { variables: own, message: plain }
const whole = Buffer.concat(framesOf(question))

/** Sends these bytes, and resolves to what the client does by the answer. */
async function answerTo(slot: OpenSlot, ...bytes: readonly Buffer[]): Promise<Outcome> {
  const connection = await call(slot.socket)
  connection.write(Buffer.concat(bytes))
  return carryOut(await hearOut(connection), question)
}

t.test('a client that leaves at any byte of its request does the daemon no harm', async (t) => {
  const slot = await openSlot(t, own)
  for (let at = 0; at < whole.length; at++) {
    const connection = await call(slot.socket)
    connection.end(whole.subarray(0, at)).resume()
    await closed(connection)
  }
  t.equal((await slot.ask(question)).does, 'hand on')
  t.same(slot.log, [])
})

t.test('a client that has asked and closes its side gets its answer', async (t) => {
  const { settings: variables, answer } = await slowClamd(t)
  const slot = await openSlot(t, variables)
  const slow = { variables, message: plain }
  const connection = await call(slot.socket)
  const heard = hearOut(connection)
  connection.end(Buffer.concat(framesOf(slow)))
  await answer()
  t.equal(carryOut(await heard, slow).does, 'hand on')
})

t.test('a client that sends garbage is asked to scan standalone', async (t) => {
  const slot = await openSlot(t, own)
  for (const garbage of [
    'GET / HTTP/1.0\r\n\r\n',
    '\0\0\0\0\0\0',
    '1\0\0\0\x04osc9',
    '\xff'.repeat(9999),
  ]) {
    t.equal((await answerTo(slot, Buffer.from(garbage, 'latin1'))).does, 'go standalone')
  }
  const forged = { [`X${'x'.repeat(2000)}\r\n`]: '' }
  const twice = framesOf({ variables: forged })[1]!
  const { reason } = await answerTo(slot, whole.subarray(0, 9), twice, twice)
  t.match(reason, /^variable Xx+$/)
  t.equal(reason.length, 1024, 'a reason is bounded')
  const envelope = Buffer.concat([simpleEnvelope, Buffer.from('T')])
  t.match((await slot.ask({ ...question, envelope })).reason, 'bytes after the envelope')
  t.equal((await slot.ask(question)).does, 'hand on')
  t.same(slot.log, [], 'which is no trouble of the daemon')
})

t.test('trouble of the daemon itself is logged, and the client scans standalone', async (t) => {
  const identifyPeer = () => {
    throw new Error('no peer')
  }
  const slot = await openSlot(t, own, { identifyPeer })
  t.match(await slot.ask(question), { does: 'go standalone', reason: 'no peer' })
  t.same(slot.log, ['no peer'])
})

t.test('the connection is closed after the answer, whatever the client does', async (t) => {
  const slot = await openSlot(t, own, { timeouts: { leaving: 60_000 } })
  const connection = await call(slot.socket)
  connection.write(whole)
  connection.resume() // it never ends its own side
  await once(connection, 'end')
  while (slot.state().clients > 0) await new Promise(setImmediate)
})

t.test('a request may come in single bytes, and its head is acknowledged at once', async (t) => {
  const slot = await openSlot(t, own, { timeouts: { acknowledgeAfter: 3_600_000 } })
  const connection = await call(slot.socket)
  connection.setNoDelay()
  const heard = hearOut(connection)
  const first = once(connection, 'data')
  const bodyAt = whole.indexOf('M\0\0')
  for (const byte of whole.subarray(0, bodyAt)) connection.write(Buffer.of(byte))
  const [answer] = await first
  t.same(answer, frame('A'), 'before a byte of the message was sent')
  for (const byte of whole.subarray(bodyAt)) connection.write(Buffer.of(byte))
  t.equal(carryOut(await heard, question).does, 'hand on')
})

t.test('bytes after the last frame end the conversation', async (t) => {
  const { settings: variables, asked } = await slowClamd(t)
  const slot = await openSlot(t, variables)
  const connection = await call(slot.socket)
  connection.write(Buffer.concat(framesOf({ variables })))
  void asked().then(() => connection.write('more'))
  t.match(carryOut(await hearOut(connection), question).reason, /after the last frame/)
})

t.test('a client gets heartbeats while a scanner works, and an answer in its time', async (t) => {
  const { settings: variables, whole } = await slowClamd(t)
  const slot = await openSlot(t, variables, { timeouts: { heartbeatAfter: 20 } })
  const slow: Question = { variables, timeLeft: 1000, takesReply: false }
  const heard = await ask(slot.socket, slow)
  t.match(heard.types, /^Ahh+x$/)
  const got = carryOut(heard, slow)
  t.equal(got.code, 71)
  t.match(got.log, /decision=defer scan=unknown .*cause=timeout .*time limit.* exit=71/)
  t.equal(whole.length, 1, 'the message was scanned once')
})

t.test('a client that leaves while a scanner works ends the scan; nothing is kept', async (t) => {
  const clamd = await slowClamd(t)
  const { quarantine } = buildStage(t)
  const variables = { ...clamd.settings, SCANFAIL: 'quarantine', QUARANTINE: quarantine }
  const slot = await openSlot(t, variables)
  const connection = await call(slot.socket)
  connection.write(Buffer.concat(framesOf({ variables })))
  const hungUp = once((await clamd.asked()).connection, 'end')
  connection.destroy()
  await hungUp
  await slot.close(0)
  t.same(slot.log, [])
  t.same(readdirSync(quarantine, { recursive: true }), [], 'it judges the mail itself')
})

t.test('nothing is kept for a client that left just before a scanner answers', async (t) => {
  const clamd = await slowClamd(t)
  const { quarantine } = buildStage(t)
  const variables = { ...clamd.settings, QUARANTINE: quarantine }
  for (const [number, isAcknowledged] of [false, true].entries()) {
    const slot = await openSlot(t, variables)
    const connection = await call(slot.socket)
    const acknowledged = once(connection, 'data')
    connection.write(Buffer.concat(framesOf({ variables })))
    await clamd.asked(number + 1)
    if (isAcknowledged) await acknowledged
    connection.destroy()
    for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate)
    await clamd.answer(number + 1, 'Test-Virus FOUND')
    while (slot.state().clients > 0) await new Promise(setImmediate)
    t.same(readdirSync(quarantine, { recursive: true }), [])
  }
})

// promise: memory-and-time
t.test('a thousand silent connections block no other client', async (t) => {
  const slot = await openSlot(t, own, { maxClients: 20 })
  const silent = []
  for (let i = 0; i < 1000; i++) silent.push(await call(slot.socket))
  t.equal((await slot.ask(question)).does, 'hand on')
  const count = () => new Promise((resolve) => slot.server.getConnections((_, n) => resolve(n)))
  t.ok(Number(await count()) <= 41, `${await count()} are still open`)
  for (const connection of silent) connection.destroy()
})

t.test(
  'a client without a request is closed for waiting clients, but not for those that have left',
  async (t) => {
    const slot = await openSlot(t, own, { maxClients: 2 })
    const late = await call(slot.socket)
    const heard = hearOut(late)
    for (let n = 0; n < 4; n++) {
      const other = await call(slot.socket)
      other.end().resume()
      await once(other, 'close')
      while (slot.state().clients > 1) await new Promise(setImmediate)
    }
    late.write(whole)
    t.equal(carryOut(await heard, question).does, 'hand on')
    const oldest = hearOut(await call(slot.socket))
    for (let n = 0; n < 2; n++) await call(slot.socket)
    t.equal(carryOut(await oldest, question).reason, 'too many connections')
  },
)

const numbered = (n: number) => Buffer.from(`Subject: ${n}\n\n`)

t.test('messages over --max-clients wait, and the wait counts as their time', async (t) => {
  const { settings: variables, asked, answer, whole } = await slowClamd(t)
  const slot = await openSlot(t, variables, { maxClients: 3 })
  const ask = (n: number, timeLeft = 60_000) =>
    slot.ask({ variables, timeLeft, message: numbered(n) })
  const questions = [1, 2, 3, 4, 5].map((n) => ask(n))
  await asked(3)
  t.match(
    (await ask(6, 50)).reason,
    'more than 3 messages at once (--max-clients): this one got no turn within 50 ms; raise --max-clients, or give the scanner more CPUs',
    'who has no time left',
  )
  for (let n = 0; n < 5; n++) {
    await asked(n + 1)
    t.ok(whole.length <= 3 + n, `${whole.length} at once`)
    await answer(n + 1)
  }
  for (const { does } of await Promise.all(questions)) t.equal(does, 'hand on')
})

t.test('memory bounds how many clients may wait, even if they send next to nothing', async (t) => {
  const { settings: variables, asked, answer } = await slowClamd(t)
  // One user may take three quarters of all.
  const slot = await openSlot(t, variables, { maxClients: 8, memory: (5 * 18 * 1024 * 4) / 3 })
  const answered: string[] = []
  const questions = Array.from({ length: 8 }, async (_, n) => {
    const { reason, does } = await slot.ask({ variables, message: numbered(n), timeLeft: 60_000 })
    answered.push(reason || does)
  })
  await asked(5) // those for whom there is memory
  while (answered.length < 3) await new Promise((r) => setTimeout(r, 5))
  for (const answer of answered.splice(0)) t.match(answer, /--memory/)
  for (let n = 1; n <= 5; n++) await answer(n)
  await Promise.all(questions)
  t.same(answered, Array(5).fill('hand on'))
})

t.test('a message over the limit scans standalone before it is sent', async (t) => {
  const slot = await openSlot(t, own, { maxSize: 1000 })
  const frames = framesOf({ ...question, size: 1001 })
  t.match((await answerTo(slot, ...frames.slice(0, -2))).reason, /1001 bytes.*--max-size/)
})

t.test('messages in memory are bounded by --memory, which is given back', async (t) => {
  const slot = await openSlot(t, own, { memory: 400_000 })
  const large = { ...question, message: Buffer.alloc(60_000, 'x') }
  const holder = await call(slot.socket)
  const acknowledged = once(holder, 'data')
  holder.write(Buffer.concat(framesOf(large).slice(0, -1)))
  await acknowledged
  t.ok(slot.state().memory > 60_000)
  t.match((await slot.ask(large)).reason, /--memory/)
  t.equal((await slot.ask(question)).does, 'hand on', 'a small one fits')
  holder.destroy()
  await once(holder, 'close')
  t.equal((await slot.ask(large)).does, 'hand on')
  while (slot.state().clients > 0) await new Promise(setImmediate)
  t.equal(slot.state().memory, 0)
})

t.test('an envelope or variables over the memory are refused before they are read', async (t) => {
  const slot = await openSlot(t, own, { memory: 1_000_000 })
  const head = framesOf(question).slice(0, 4)
  t.match((await answerTo(slot, ...head, Buffer.from('E'), uint32(60_000_000))).reason, /--memory/)
  const variables = Object.fromEntries(
    Array.from({ length: 200 }, (_, i) => [`V${i}`, 'x'.repeat(60_000)]),
  )
  t.match((await slot.ask({ variables })).reason, /--memory/)
})

t.test('a client that falls silent is let go', async (t) => {
  const timeouts = { head: 50, silence: 50, heartbeatAfter: 20 }
  const slot = await openSlot(t, own, { timeouts })
  const head = framesOf(question).slice(0, -2)
  const [nothing, half] = await Promise.all([call(slot.socket), call(slot.socket)])
  half.write(Buffer.concat(head))
  const heard = await Promise.all([hearOut(nothing), hearOut(half)])
  t.match(carryOut(heard[0], question).reason, /too slowly/)
  t.match(carryOut(heard[1], question).reason, /stopped responding/)
})

t.test('a client also gets heartbeats while it sends', async (t) => {
  const slot = await openSlot(t, own, { timeouts: { heartbeatAfter: 20 } })
  const connection = await call(slot.socket)
  const heard = hearOut(connection)
  connection.write(whole.subarray(0, -5)) // all but the end
  for (let received = ''; !received.includes('h'); ) received += (await once(connection, 'data'))[0]
  connection.write(whole.subarray(-5))
  t.equal(carryOut(await heard, question).does, 'hand on')
})

t.test('a client that never ends its message is let go when its time has ended', async (t) => {
  for (const timeouts of [{ beyondTimeLeft: 50 }, { sending: 150 }]) {
    const slot = await openSlot(t, own, { timeouts: { ...timeouts, heartbeatAfter: 20 } })
    const connection = await call(slot.socket)
    const heard = hearOut(connection)
    const timeLeft = timeouts.sending === undefined ? 100 : 60_000
    connection.write(Buffer.concat(framesOf({ ...question, timeLeft }).slice(0, -2)))
    const trickle = setInterval(() => connection.write(frame('M')), 10)
    t.match(carryOut(await heard, question).reason, /too long to send/)
    clearInterval(trickle)
  }
})

t.test(
  'a slot socket that closes answers its current clients, and accepts no others',
  async (t) => {
    const { settings: variables, asked, answer } = await slowClamd(t)
    const slot = await openSlot(t, variables)
    const dismissed = answerTo(slot)
    const answered = slot.ask({ variables })
    await asked()
    const closed = slot.close(5000)
    t.match((await dismissed).reason, /shutting down/)
    await t.rejects(call(slot.socket), { code: 'ENOENT' })
    await answer()
    t.equal((await answered).does, 'hand on')
    await closed
  },
)

t.test('a client without an answer at the end of --grace scans standalone', async (t) => {
  const { settings: variables, asked } = await slowClamd(t)
  const slot = await openSlot(t, variables)
  const answered = slot.ask({ variables })
  await asked()
  await slot.close(100)
  t.match((await answered).reason, /shutting down/)
})

/** A slot, and what it reports for the page: lines, clients without an answer, messages in work. */
async function reporting(t: Test, variables: Readonly<Record<string, string>>) {
  const reports: ProcessReport[] = []
  const reporter = new MailReporter({
    state: () => ({
      doors: {},
      servers: {},
      sharing: undefined,
      quota: undefined,
      log: { lost: 0, trouble: undefined },
    }),
    send: (report) => reports.push(report),
    now: Date.now,
  })
  t.teardown(() => reporter.close())
  const slot = await openSlot(t, variables, { reporter })
  const count = () => {
    reporter.report() // it also does by itself
    const sum = { lines: 0, asked: 0, left: 0, judging: 0 }
    for (const { lines, standalone, judging } of reports.splice(0)) {
      sum.lines += lines.length
      sum.asked += standalone.asked
      sum.left += standalone.left
      sum.judging = judging
    }
    return sum
  }
  return { slot, count }
}

t.test(
  'mail whose answer is too long scans standalone, and neither is nor seems kept',
  async (t) => {
    const stage = buildStage(t)
    const variables = { QHPSI: stage.scanner, QUARANTINE: stage.quarantine }
    const { slot, count } = await reporting(t, variables)
    for (const [recipients, does, reason, counted] of [
      [2, 'end', '', { lines: 2, asked: 0 }], // the second one names both recipients
      [10_000, 'go standalone', /^an answer of \d+ bytes$/, { lines: 0, asked: 1 }],
    ] as const) {
      const names = Array.from({ length: recipients }, (_, n) => Buffer.from(`${n}@b.example.org`))
      const envelope = makeEnvelope(Buffer.from('a@example.net'), names).wire
      t.match(await slot.ask({ variables, message: infected, envelope }), { does, reason })
      t.match(count(), counted)
    }
    t.equal((await readQuarantine(stage.quarantine)).length, 1)
  },
)

t.test('clients that asked and got no answer are counted, and self-tests are not', async (t) => {
  const { settings: variables, asked, answer } = await slowClamd(t)
  const { slot, count } = await reporting(t, variables)
  const test = { ...variables, QUEUECHAIN: TEST_NEXT_PROGRAM }
  const leave = async (bytes: Buffer, heard?: Promise<unknown>) => {
    const connection = await call(slot.socket)
    connection.write(bytes)
    await heard
    connection.destroy()
    while (slot.state().clients > 0) await new Promise(setImmediate)
  }
  await leave(whole.subarray(0, 20))
  const none = { lines: 0, asked: 0, left: 0, judging: 0 }
  t.same(count(), none, 'it had not asked')
  const frames = Buffer.concat(framesOf({ variables }))
  await leave(frames, asked(1))
  t.same(count(), { ...none, left: 1 })
  await leave(Buffer.concat(framesOf({ variables: test })), asked(2))
  t.equal((await slot.ask({ variables: { ...test, CLAMD: '/other' } })).does, 'go standalone')
  t.same(count(), none, 'a test message')
  t.equal((await slot.ask({ variables: { ...variables, CLAMD: '/other' } })).does, 'go standalone')
  t.same(count(), { ...none, asked: 1 })
  for (const [number, own] of [variables, test].entries()) {
    const answered = slot.ask({ variables: own })
    await asked(number + 3)
    t.equal(count().judging, own === test ? 0 : 1)
    await answer(number + 3)
    t.equal(/ selftest=1 /.test((await answered).log), own === test)
  }
})
