import { readdirSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import type { Origin } from '../../../../src/mail/message/envelope.ts'
import { optionsToRequest } from '../../../../src/scanner/doors/milter/milter-negotiation.ts'
import { step } from '../../../../src/scanner/protocol/milter/milter-offer.ts'
import type { Sample } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { clean } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { bytes } from '../../../cases/case.ts'
import { readQuarantine } from '../../../cases/kept.ts'
import { plain } from '../../../cases/messages.ts'
import { buildStage } from '../../../cases/stage.ts'
import { md5Hex } from '../../scan/stamps/independent.ts'
import { eicar, scanning } from './eicar.ts'
import { call, everything, macros, negotiation, oldest, packets } from './mta.ts'
import { openMilter } from './rig.ts'
import type { Submission } from './submit.ts'

/** Connections: which command may follow which, and what each leaves behind. */

/** The steps of a message with their packets. */
const steps: readonly (readonly [string, Buffer])[] = [
  ['MAIL', packets.mail('a@example.org')],
  ['RCPT', packets.recipient('b@example.org')],
  ['the first field', packets.field('Subject', ' aborted')],
  ['another field', packets.field('X-QHPSI', ' virus found')],
  ['end of header', packets.endOfHeader],
  ['body', packets.body('VIRUS\r\n')],
  ['a large body', packets.body(Buffer.alloc(60_000, 97))],
  ['a larger body', packets.body(Buffer.alloc(65_000, 97))],
  ['a body beyond what is kept in memory', packets.body(Buffer.alloc(65_000, 97))],
]

t.test('a message may be aborted in each state, and the next one is judged alone', async (t) => {
  const stage = buildStage(t)
  const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1', VERDICTS: 'off' } // scans are counted
  const milter = await openMilter(t, settings)
  const line = await milter.connect()
  for (let length = 1; length <= steps.length; length++) {
    line.write(...steps.slice(0, length).map(([, sent]) => sent), packets.abort)
    const got = await line.submit({ message: plain, recipients: ['c@example.org'] })
    t.equal(got.outcome, 'delivered', `aborted at ${steps[length - 1]![0]}`)
    t.same(got.recipients, ['c@example.org'])
    t.ok(got.message.equals(Buffer.concat([bytes('X-QHPSI: clean\n'), plain])))
  }
  t.equal(stage.scans(), steps.length, 'what was aborted was not scanned')
  t.equal(milter.mailLog.length, steps.length)
  t.same(readdirSync(milter.directory), ['s'])
})

t.test('an MTA may leave in each state, and nothing stays', async (t) => {
  const milter = await openMilter(t, scanning)
  for (let length = 0; length <= steps.length; length++) {
    const line = await milter.connect()
    line.write(...steps.slice(0, length).map(([, sent]) => sent))
    await line.close()
  }
  t.same(milter.log, [])
  t.same(milter.mailLog, [])
  await milter.close(60_000) // resolves when nobody is left
  t.equal(milter.state().memory, 0)
})

t.test(
  'a large message passes unchanged, and its memory is free before the MTA leaves',
  async (t) => {
    const milter = await openMilter(t, { ...scanning, REJECTVIRUS: '2' })
    const line = await milter.connect()
    const lines = Array.from({ length: 20_000 }, (_, number) => `line ${number}\n`).join('')
    const message = bytes(`Subject: ${lines.replaceAll('\n', ' ')}\n\n${lines}`)
    const got = await line.submit({ message })
    t.ok(got.message.equals(Buffer.concat([bytes('X-QHPSI: clean\n'), message])))
    t.equal(milter.state().memory, 0)
    await line.submit({ message: Buffer.concat([message, eicar.subarray(12)]) })
    t.equal(milter.state().memory, 0)
  },
)

// promise: others-unharmed
t.test('several messages on a connection have verdicts of their own', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  for (const message of [plain, eicar, plain, eicar, bytes('Subject: last\n\n')]) {
    const wanted = message === eicar ? 'refused' : 'delivered'
    t.equal((await line.submit({ message })).outcome, wanted)
  }
})

t.test('another client may follow on the same connection', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  await line.submit({ message: plain, authenticated: 'alice' })
  line.write(
    packets.mail('half@example.org'),
    packets.quitNewConnection,
    packets.connect('198.51.100.9'),
  )
  const got = await line.submit({ message: plain })
  t.equal(got.outcome, 'delivered')
  t.match(milter.mailLog[0], / remote=192\.0\.2\.7 /)
  t.match(milter.mailLog[1], / remote=198\.51\.100\.9 .* from=<a@example\.org>/)
})

t.test('scanners learn of each message who has sent it, and by which client', async (t) => {
  let seen: Origin | undefined
  const scan = async ({ origin }: Sample) => {
    seen = origin
    return clean
  }
  const milter = await openMilter(t, scanning, { scan })
  const line = await milter.connect()
  const check = async (mail: Partial<Submission>, wanted: Partial<Origin>, reason = 'as named') => {
    await line.submit({ message: plain, queueId: '4Q', ...mail })
    t.strictSame(
      JSON.parse(JSON.stringify(seen)),
      { interface: 'milter', queueId: '4Q', ...wanted },
      reason,
    )
  }
  const client = { clientAddress: '192.0.2.7', clientName: 'client.example.org' }
  await check({}, client)
  line.write(packets.helo)
  const helo = 'client.example.org'
  await check(
    { authenticated: 'alice', queueId: '4R' },
    { ...client, helo, login: 'alice', queueId: '4R' },
  )
  await check({}, { ...client, helo }, 'a login is for one message')
  line.write(packets.connect('2001:db8::1', 25, 'x'.repeat(2000), '6'))
  await check({}, { clientAddress: '2001:db8::1', clientName: 'x'.repeat(1024) }, 'without HELO')
  line.write(packets.helo, packets.connect('/run/socket', 0, 'localhost', 'L'))
  await check({}, { clientName: 'localhost' })
  line.write(packets.helo, packets.quitNewConnection)
  await check({}, {}, 'nothing is known of the next client')
})

t.test('MAIL ends the message before it, as with libmilter', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  line.write(
    packets.mail('x@example.org'),
    packets.recipient('x@example.org'),
    packets.field('A', 'b'),
  )
  const got = await line.submit({ message: plain })
  t.same(got.recipients, ['b@example.org'])
  t.match(milter.mailLog.join(''), / rcpts=1 /)
  t.equal(milter.state().memory, 0)
})

t.test('a body is the same wherever it is split, and whichever packet has its end', async (t) => {
  const message = bytes('Subject: x\n\none\n\ntwo\n.\nthree\n')
  const ring = buildStage(t).file('ring', 'sesame\n')
  const signing = { CLUSTERKEYS: ring, CLAMDBDIR: '/nonexistent' }
  const milter = await openMilter(t, { ...scanning, ...signing })
  const stamp = `X-MD5-Cluster-1: ${md5Hex(message, 'sesame')}\n`
  const wanted = Buffer.concat([bytes(`X-QHPSI: clean\n${stamp}`), message])
  const line = await milter.connect()
  for (let chunk = 1; chunk <= message.length; chunk++) {
    for (const endsWithData of [false, true]) {
      const got = await line.submit({ message, chunk, endsWithData })
      t.ok(got.message.equals(wanted), `${chunk} bytes at a time`)
    }
  }
})

t.test('fields and body become a message in LF, and any other CR stays', async (t) => {
  for (const [steps, space] of [
    [everything.steps, ' '],
    [everything.steps & ~step.leadingSpace, ''],
  ] as const) {
    const { scanner: QHPSI, quarantine: QUARANTINE } = buildStage(t)
    const line = await (await openMilter(t, { QHPSI, QUARANTINE })).connect({
      ...everything,
      steps,
    })
    line.write(packets.mail('a@example.org'), packets.recipient('b@example.org'))
    t.equal((await line.hear())?.command, 'c')
    line.write(packets.field('Subject', `${space}a\n\tb\r\n \xe4`), packets.field('X-Empty', ''))
    // The end of the header may be sent twice, or not at all.
    line.write(packets.endOfHeader, packets.body('VIRUS\r\n'), packets.endOfHeader)
    line.write(packets.body('two\0\r\n\r'), packets.end)
    t.equal((await line.hear())?.command, 'd')
    const [kept] = await readQuarantine(QUARANTINE)
    const wanted = `Subject: a\n\tb\n \xe4\nX-Empty:${space ? '' : ' '}\n\nVIRUS\ntwo\0\n\r`
    t.equal(kept?.message.toString('latin1'), wanted)
  }
})

t.test('a conversation is the same however its bytes arrive', async (t) => {
  const milter = await openMilter(t, scanning)
  const talk = Buffer.concat([
    negotiation(everything),
    packets.connect(),
    macros('M', { '{auth_authen}': 'alice', i: '4EARLY' }),
    packets.mail('a@example.org', 'SIZE=12'),
    packets.recipient('b@example.org'),
    packets.field('Subject', ' x'),
    packets.body('body\r\n'),
    packets.end,
    packets.mail('a@example.org'),
    packets.recipient('b@example.org'),
    packets.field('X-QHPSI', ' forged'),
    packets.body(eicar.subarray(12, 80)),
    packets.end,
    packets.quit,
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
  t.match(milter.mailLog[0], / queue=4EARLY /)
  t.notMatch(milter.mailLog[1], ' queue=', 'macros of a message end with it')
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
  t.equal((await line.submit({ message: plain })).outcome, 'delivered')
  line.write(packets.helo)
  t.equal((await line.hear())?.command, 'c')
})

t.test('the MTA is asked for the macros that are needed, where it lets itself be', async (t) => {
  const milter = await openMilter(t, scanning)
  const { macros } = (await milter.connect()).agreed
  const wanted = ['', '', 'i {auth_authen}', 'i {rcpt_addr}', '', 'i', '']
  const lists = wanted.map((names, stage) => `\0\0\0${String.fromCharCode(stage)}${names}\0`)
  t.equal(macros, lists.join(''))
  t.equal((await milter.connect({ ...everything, actions: 0xff })).agreed.macros, '')
})

t.test('DATA is answered over TCP, and not even sent through a unix socket', async (t) => {
  const over = (isLocal: boolean) => optionsToRequest(false, isLocal).wantedSteps
  t.equal(over(true) & step.skipData, step.skipData)
  t.equal(over(false) & (step.skipData | step.noReplyToData), 0)
  const milter = await openMilter(t, scanning)
  const { agreed } = await milter.connect()
  t.equal(agreed.steps & step.skipData, step.skipData)
})

t.test('a new configuration is for the next message on the same connection', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  t.equal((await line.submit({ message: eicar })).outcome, 'refused')
  milter.configure(await milter.configured({ ...scanning, REJECTVIRUS: '2' }))
  t.equal((await line.submit({ message: eicar })).outcome, 'dropped')
  milter.configure(await milter.configured({}))
  const got = await line.submit({ message: eicar })
  t.ok(got.message.equals(eicar), 'without QHPSI it passes as it is')
})
