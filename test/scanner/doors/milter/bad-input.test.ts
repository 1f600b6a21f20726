import t from 'tap'
import { HEADER_FIELDS_MAX, HEADER_MAX } from '../../../../src/mail/message/header-block.ts'
import { PACKET_MAX, SMALL_PACKET_MAX } from '../../../../src/scanner/doors/milter/mta-packets.ts'
import { packet, strings } from '../../../../src/scanner/protocol/milter/packets.ts'
import { bytes } from '../../../cases/case.ts'
import { plain } from '../../../cases/messages.ts'
import { buildStage } from '../../../cases/stage.ts'
import { eicar, scanning } from './eicar.ts'
import { call, everything, negotiation, packets } from './mta.ts'
import { openMilter } from './rig.ts'
import { replyOf } from './submit.ts'

/** Commands that no MTA should send, and mail that is made to cause trouble. */

const begun = [packets.mail('a@b'), packets.field('A', 'b')]

/** What is sent, and what the log has of it. */
const nonsense: readonly (readonly [string, readonly Buffer[], string])[] = [
  ['a command that there is not', [packet('?')], 'unknown command "?"'],
  [
    'one amid a message',
    [packets.mail('a@b'), packet('Z', Buffer.from('x'))],
    'unknown command "Z"',
  ],
  ['a length of nothing', [Buffer.alloc(5)], '0 bytes'],
  ['a length that is too long', [Buffer.from([0xff, 0xff, 0xff, 0xff, 0x42])], '4294967295 bytes'],
  ['a second negotiation', [negotiation(everything)], 'second negotiation'],
  ['RCPT without MAIL', [packets.recipient('a@b')], 'RCPT without MAIL'],
  ['a field without MAIL', [packets.field('A', 'b')], 'header field without MAIL'],
  ['the end of a header without MAIL', [packets.endOfHeader], 'end of header without MAIL'],
  ['a body without MAIL', [packets.body('x')], 'body without MAIL'],
  ['an end without MAIL', [packets.end], 'end of message without MAIL'],
  ['MAIL without an address', [packet('M')], 'MAIL without an address'],
  ['MAIL without a NUL', [packet('M', Buffer.from('<>'))], 'MAIL: a string without its NUL'],
  ['RCPT behind the header', [...begun, packets.recipient('c@d')], 'RCPT after the envelope'],
  [
    'a field behind the body',
    [...begun, packets.body('x'), packets.field('A', 'b')],
    'after the header',
  ],
  ['a field without a value', [...begun, packet('L', Buffer.from('A\0'))], 'name and a value'],
  ['a value without its end', [...begun, packet('L', Buffer.from('A\0a\0b'))], 'name and a value'],
  ['a client without a family', [packet('C', strings('name'))], 'CONNECT without a family'],
  ['a client of no address', [packet('C', strings('name', '4'))], 'CONNECT without an address'],
  ['two names in HELO', [packet('H', strings('a', 'b'))], 'HELO that is not one string'],
  ['macros without an end', [packet('D', Buffer.from('Mi'))], 'macros: a string without its NUL'],
  ['a macro without a value', [packet('D', Buffer.from('Mi\0'))], 'a name without a value'],
  ['macros of no command', [packet('D')], 'macros that belong to no command'],
  ['a name that is too long', [packet('H', Buffer.alloc(SMALL_PACKET_MAX))], '65538 bytes'],
  ['a field that is too long', [...begun, packet('L', Buffer.alloc(PACKET_MAX))], 'a packet of'],
]

for (const [what, sent, reason] of nonsense) {
  t.test(`${what}: mail is deferred, and the connection ends`, async (t) => {
    const milter = await openMilter(t, scanning)
    const line = await milter.connect()
    line.write(...sent)
    t.equal((await line.hear())?.command, 't')
    t.equal(await line.hear(), undefined, 'the filter has left')
    t.equal(milter.log.length, 1)
    t.match(milter.log[0], /^milter: the MTA: [^\n]+$/)
    t.match(milter.log[0], reason)
    t.equal((await milter.submit({ message: plain })).outcome, 'delivered', 'others are served')
  })
}

t.test('no command is taken before the negotiation, and no MTA that lacks an action', async (t) => {
  const milter = await openMilter(t, scanning)
  for (const first of [
    packets.mail('a@b'),
    negotiation({ ...everything, actions: 0x110 }),
    negotiation({ ...everything, version: 1 }),
    packet('O', Buffer.alloc(5)),
  ]) {
    const line = await call(milter.socket)
    line.write(first)
    t.equal((await line.hear())?.command, 't')
    t.equal(await line.hear(), undefined)
    await line.close()
  }
  t.match(milter.log.join('\n'), /mail before the negotiation[\s\S]*does not offer addFields/)
})

t.test('before the negotiation no large packet is taken', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await call(milter.socket)
  line.write(packets.body(Buffer.alloc(100)).subarray(0, 20))
  t.equal((await line.hear())?.command, 't')
  t.equal(await line.hear(), undefined)
  t.match(milter.log, [/a packet of 101 bytes; 1 to 64 are allowed/])
})

t.test('the PROXY protocol is named in the log', async (t) => {
  const milter = await openMilter(t, scanning)
  for (const start of ['PROXY TCP4 192.0.2.7 192.0.2.8 5 25\r\n', '\r\n\r\n\0\r\nQUIT\n\x21\x11']) {
    const line = await call(milter.socket)
    line.write(Buffer.from(start, 'latin1'))
    t.equal((await line.hear())?.command, 't')
    t.match(milter.log.at(-1), /the PROXY protocol is not supported here; switch it off/)
  }
})

// promise: rule-11-recipients
t.test('if the MTA lets no filter change recipients, or hold mail, it is deferred', async (t) => {
  const milter = await openMilter(t, { QHPSI: 'plugin: eicar', VIRUSFORWARD: 'v@example.org' })
  const offer = { ...everything, actions: 0x11 }
  t.equal((await milter.submit({ message: plain }, offer)).outcome, 'delivered')
  t.match((await milter.submit({ message: eicar }, offer)).reply, /^451 4\.3\.0 /)
  t.match(milter.mailLog[1], /decision=defer fault=config reason=".*VIRUSFORWARD/)
  milter.configure(await milter.configured({ QHPSI: 'plugin: eicar', QUARANTINE: 'hold' }))
  t.match((await milter.submit({ message: eicar }, offer)).reply, /^451 4\.3\.0 /)
  t.match(milter.mailLog[2], /decision=defer fault=config reason=".*hold mail: .* unset QUARANTINE/)
})

// maddy offers to add fields and to hold mail, and nothing else.
t.test('an MTA without CHGHDRS has only the message deferred that needs it', async (t) => {
  const milter = await openMilter(t, { QHPSI: 'plugin: eicar' })
  const offer = { version: 6, actions: 0x21, steps: 0 }
  const clean = await milter.submit({ message: plain }, offer)
  t.equal(clean.outcome, 'delivered')
  t.match(clean.message.toString('latin1'), /^X-QHPSI: clean\r?\n/)
  const forged = Buffer.concat([Buffer.from('x-qhpsi: clean\n'), plain])
  t.match((await milter.submit({ message: forged }, offer)).reply, /^451 4\.3\.0 /)
  t.match(
    milter.mailLog[1],
    /decision=defer fault=config reason=".*remove fields: x-qhpsi; enable this in the MTA"/,
  )
  t.equal((await milter.submit({ message: eicar }, offer)).outcome, 'delivered', 'tagged')
  milter.configure(await milter.configured({ QHPSI: 'plugin: eicar', QUARANTINE: 'hold' }))
  t.match((await milter.submit({ message: eicar }, offer)).held, /^onescan: /)
  t.equal((await milter.submit({ message: forged })).outcome, 'delivered', 'others are served')
})

t.test('an address that is too long is refused for good', async (t) => {
  const milter = await openMilter(t, scanning)
  const recipients = ['b@example.org', `${'x'.repeat(1003)}@example.org`]
  const got = await milter.submit({ message: plain, recipients })
  t.equal(got.outcome, 'refused')
  t.match(got.reply, /^553 5\.1\.0 /)
  t.match(milter.mailLog[0], /decision=reject fault=address-too-long .*reply=553/)
})

// promise: rule-17-outside
t.test('percent signs and other tricks in a name are sent as they are', async (t) => {
  const script = `#!/bin/sh\nprintf '%s: 100%%%%s FOUND\\n' "$1"\nexit 1\n`
  const scanner = buildStage(t).file('odd', script, 0o700)
  const milter = await openMilter(t, { QHPSI: scanner, REJECTVIRUS: '1' })
  const line = await milter.connect()
  line.write(packets.mail('a@example.org'), packets.recipient('b@example.org'))
  line.write(packets.body('x\r\n'), packets.end)
  const answer = (await line.hear())!
  t.equal(answer.command, 'y')
  t.match(answer.data.toString('latin1'), /virus 100%%%%s/)
  t.match(replyOf(answer), /^550 5\.7\.1 message refused: virus 100%%s$/)
})

// promise: memory-and-time, rule-16-limits
t.test('a message with any header is scanned, and few fields are removed', async (t) => {
  const milter = await openMilter(t, { ...scanning, VIRUSFORWARD: 'v@example.org' })
  const many = (name: string, count: number, value = '1') =>
    bytes(`${`${name}: ${value}\n`.repeat(count)}\nbody\n`)
  const fit = await milter.submit({ message: many('A', HEADER_FIELDS_MAX) })
  t.equal(fit.outcome, 'delivered', 'of 30,000 bytes in all')
  t.match(fit.message.toString('latin1', 0, 20), /^X-QHPSI: clean\nA: 1/)
  // Each of them would be an edit, which costs an MTA a pass over its queue file.
  const forged = await milter.submit({ message: many('X-QHPSI', 4000) })
  t.match(forged.reply, /^451 4\.6\.0 message deferred: its header has more than 16 X-QHPSI/)
  for (const message of [
    many('Subject', 4000, 'x'.repeat(300)),
    many('Subject', 1, 'x'.repeat(HEADER_MAX)),
    many('A', HEADER_FIELDS_MAX + 1),
  ]) {
    const large = await milter.submit({ message })
    t.equal(large.outcome, 'delivered')
    t.ok(large.message.equals(Buffer.concat([bytes('X-QHPSI: clean\n'), message])))
  }
})

// promise: memory-and-time, rule-7-temporary
t.test('a message with recipients without end is deferred', async (t) => {
  const milter = await openMilter(t, scanning)
  const line = await milter.connect()
  line.write(packets.mail('a@example.org'))
  const some = Buffer.concat(Array.from({ length: 100 }, () => packets.recipient('x'.repeat(900))))
  for (let i = 0; i < 50; i++) line.write(some)
  line.write(packets.body('x'), packets.end)
  t.match(replyOf((await line.hear())!), /^451 4\.3\.0 /)
  t.match(
    milter.mailLog[0],
    /fault=out-of-memory reason="the recipients' addresses exceed 4194304 bytes/,
  )
})

t.test('a message with a NUL in its body is scanned whole', async (t) => {
  const milter = await openMilter(t, scanning)
  const message = Buffer.concat([bytes('Subject: x\n\n\0\0'), eicar.subarray(12)])
  t.equal((await milter.submit({ message })).outcome, 'refused')
})
