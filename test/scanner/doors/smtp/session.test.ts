import { hostname } from 'node:os'
import t from 'tap'
import type { Origin } from '../../../../src/mail/message/envelope.ts'
import { ownReply } from '../../../../src/scanner/scan/replies/own-replies.ts'
import type { Sample } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { clean as cleanFinding } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { clean, infected, openBetween } from './between.ts'
import { callDoor } from './client.ts'
import { at } from './next-server.ts'
import { sendThrough } from './rig.ts'

/** The conversation of the SMTP door with a client and the next server. */

const MAIL = 'MAIL FROM:<a@b.example>'
const RCPT = 'RCPT TO:<b@b.example>'
const TROUBLE = 'Subject: x\r\n\r\nTROUBLE\r\n'
const refusing = { settings: { REJECTVIRUS: '1' } }

// promise: rule-11-recipients
t.test('commands and replies are passed on as they came', async (t) => {
  const { next, door } = await openBetween(t)
  next.script = at('VRFY', '252-2.0.0 perhaps\r\n252 2.0.0 who knows')
  const mail = 'MAIL  FROM:<ann@example.net> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B1'
  const rcpt =
    'rcpt to:<ben@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;ben@example.org X-NEW=1'
  const client = await door.call()
  await client.command('EHLO Client.Example.ORG')
  for (const [line, reply] of [
    ['VRFY  ben', '252-2.0.0 perhaps\n252 2.0.0 who knows'],
    [mail, '250 2.1.0 next took MAIL'],
    [rcpt, '250 2.1.0 next took RCPT'],
    ['NOOP now', '250 2.1.0 next took NOOP'],
    ['DATA', '354 End data with <CR><LF>.<CR><LF>'],
    [`${clean}.`, '250 2.0.0 next queued it as 1 for 1'],
    ['RSET', '250 2.1.0 next took RSET'],
    ['QUIT', '221 2.0.0 next closes'],
  ] as const) {
    t.equal(await client.command(line), reply)
  }
  t.same(next.commands, [
    ...['EHLO Client.Example.ORG', 'VRFY  ben', mail, rcpt, 'NOOP now', 'DATA', 'RSET', 'QUIT'],
  ])
  t.equal(next.got[0]?.content.toString(), `X-QHPSI: clean\r\n${clean}`)
  await client.close()
})

// promise: proxy-features
t.test('EHLO offers what the next server offers, except what a proxy cannot keep', async (t) => {
  const { next, door, over } = await openBetween(t)
  next.extensions = [
    'PIPELINING',
    'SIZE 1000',
    'STARTTLS',
    'AUTH PLAIN',
    'CHUNKING',
    'BINARYMIME',
    '8BITMIME',
    'X-NEW a b',
  ]
  const client = await door.call()
  const offer =
    '250-next.example.org at your service\n250-PIPELINING\n250-SIZE 1000\n250-8BITMIME\n250 X-NEW a b'
  t.equal(await client.command('EHLO client.example.org'), offer)
  for (const command of ['STARTTLS', 'AUTH PLAIN AGEAYg==', 'XEXCH50 2 2']) {
    t.match(await client.command(command), /^502 5\.5\.1 /)
  }
  t.same(next.commands, ['EHLO client.example.org'], 'the next server has heard of none of them')

  const second = await door.call()
  t.equal(await (await door.call()).command('QUIT'), '221 2.0.0 Bye')
  t.equal(next.calls, 1, 'a client that has not greeted has no connection')
  t.equal(await second.command('EHLO two.example.org'), offer)
  await second.command(MAIL)
  t.equal(next.calls, 2, 'and then one')
  await Promise.all([client.close(), second.close()])
  await over()
})

t.test('the greeting of the other protocol is not a command, and is not passed on', async (t) => {
  for (const [isLmtp, greetings] of [
    [false, ['LHLO x', 'lhlo x']],
    [true, ['EHLO x', 'HELO x', 'ehlo x']],
  ] as const) {
    const { next, door } = await openBetween(t, { isLmtp })
    const client = await door.greeted()
    for (const greeting of greetings)
      t.match(await client.command(greeting), /^500 5\.5\.2 /, greeting)
    t.match(await client.command(MAIL), /^250 /, 'the session goes on')
    const heard = next.commands.map((command) => command.split(' ')[0])
    t.same(heard, [isLmtp ? 'LHLO' : 'EHLO', 'MAIL'])
  }
})

t.test('mail passes after HELO, and without any greeting', async (t) => {
  const { next, door } = await openBetween(t)
  const client = await door.call()
  t.match(await client.command('HELO old.example.org', MAIL), /^250 /)
  t.ok(next.commands.includes('HELO old.example.org'))
  t.match(await (await door.call()).command(MAIL), /^250 /, 'the next server decides')
})

// promise: proxy-change
t.test('the next server receives RSET for mail that is refused, deferred or dropped', async (t) => {
  const { next, door } = await openBetween(t, refusing)
  const client = await door.greeted()
  const send = (content: string) => client.command(MAIL, RCPT, 'DATA', `${content}.`)
  t.equal(await send(infected), '550 5.7.1 message refused: virus Test-Virus')
  t.equal(await send(TROUBLE), '451 4.7.1 message could not be scanned, try again later')
  t.same(
    next.commands.filter((line) => line === 'RSET' || line === 'DATA'),
    ['RSET', 'RSET'],
  )
  t.match(await send(clean), /^250 /, 'on the same connections')
  t.equal(door.state().memory, 0)
  t.equal(next.calls, 1)
  t.match(door.mailLog, [
    /decision=reject .* virus=Test-Virus grounds=virus .* reply=550 interface=smtp /,
    /decision=defer .* reply=451 interface=smtp /,
    /decision=accept .* reply=250 interface=smtp /,
  ])
  const dropping = await openBetween(t, { settings: { REJECTVIRUS: '2' } })
  t.equal(await sendThrough(dropping.door, infected), '250 2.0.0 Ok')
  t.equal(dropping.next.got.length, 0)
})

// promise: rule-11-recipients, proxy-change
t.test('mail to VIRUSFORWARD has the same MAIL and another recipient', async (t) => {
  const settings = { VIRUSFORWARD: 'quarantine@example.org' }
  const { next, door } = await openBetween(t, { settings })
  const forward = 'XFORWARD NAME=a.example ADDR=192.0.2.9 IDENT=4FABC'
  const first = await door.greeted(forward, MAIL, RCPT, 'DATA')
  t.match(await first.command(`${infected}.`), /^250 /)
  t.same(
    next.got[0]?.commands.slice(-5),
    ['RSET', forward, MAIL, 'RCPT TO:<quarantine@example.org>', 'DATA'],
    'RSET has made it forget who the client is',
  )
  const forwards = Array.from({ length: 9 }, (_, port) => `XFORWARD PORT=${port}`)
  for (const [earlier, repeated] of [
    [[], []],
    [forwards, forwards.slice(0, 8)],
    [[...forwards, 'RSET'], []],
    [[...forwards, 'EHLO x'], []],
  ] as const) {
    await first.command(...earlier, MAIL, RCPT, 'DATA', `${infected}.`)
    const commands = next.got.at(-1)!.commands
    const again = commands.slice(commands.lastIndexOf('RSET') + 1, commands.lastIndexOf(MAIL))
    t.same(again, repeated, 'as it was sent for this message, up to eight times')
  }
  const to = ['ben@example.org', 'cem@example.org']
  t.match(await sendThrough(door, infected, to), /^250 2\.0\.0 next queued/)
  const got = next.got.at(-1)
  t.same([got?.sender, got?.recipients], ['ann@example.net', ['quarantine@example.org']])
  const header = /^X-QHPSI: virus found\r\nX-Quarantine-ID: .*ben@example\.org,cem@/
  t.match(got?.content.toString(), header)
})

t.test('the client gets the answer of the next server, whatever it is', async (t) => {
  const { next, door } = await openBetween(t)
  for (const reply of [
    '250-2.0.0 two\r\n250 2.0.0 lines',
    '452 4.3.1 full',
    '554 5.6.0 no',
    '550',
  ]) {
    next.script = at('.', reply)
    t.equal(await sendThrough(door, clean), reply.replaceAll('\r\n', '\n'))
    next.script = at('DATA', reply)
    if (!reply.startsWith('2')) t.equal(await sendThrough(door, clean), reply)
  }
  t.match(
    door.mailLog.join(''),
    /decision=accept .* reply=452 next="452 4\.3\.1 full" interface=smtp/,
  )
})

t.test('the client that XFORWARD names is the one of the log and of onescan.policy', async (t) => {
  const { next, door } = await openBetween(t, { settings: {}, rules: 'auth SCANFAIL=accept\n' })
  const client = await door.greeted()
  const send = (...before: readonly string[]) =>
    client.command(...before, MAIL, RCPT, 'DATA', `${TROUBLE}.`)
  const forward = 'XFORWARD NAME=a.example ADDR=IPV6:2001:db8::1 HELO=b.example IDENT=4FABC'
  t.match(await send(forward, 'XFORWARD SOURCE=REMOTE'), /^451 /)
  t.match(await send('XFORWARD ADDR=192.0.2.9 SOURCE=LOCAL'), /^250 /)
  t.match(await send(), /^451 /, 'the attributes are for one message')
  t.ok(next.commands.includes(forward))
  t.match(door.mailLog, [
    /queue=4FABC remote=2001:db8::1 /,
    /remote=192\.0\.2\.9 /,
    /interface=smtp remote=127\.0\.0\.1 /,
  ])
})

t.test('XCLIENT is passed on and believed, and not repeated on another connection', async (t) => {
  const { next, door } = await openBetween(t, { settings: {}, rules: 'auth SCANFAIL=accept\n' })
  next.script = at('XCLI', '220 next.example.org once more')
  const client = await door.greeted()
  const more = await client.command('XCLIENT ADDR=192.0.2.7 LOGIN=ann')
  t.equal(more, '220 next.example.org once more')
  const reply = await client.command('EHLO client.example.org', MAIL, RCPT, 'DATA', `${TROUBLE}.`)
  t.match(reply, /^250 /, 'it has authenticated')
  t.match(door.mailLog[0], /remote=192\.0\.2\.7 /)
  next.script = at('MAIL', (socket) => socket.destroy())
  t.match(await client.command(MAIL), /^421 /)
})

t.test('scanners learn who sends: what the connection shows, or the server in front', async (t) => {
  let seen: Origin | undefined
  const scan = async ({ origin }: Sample) => {
    seen = origin
    return cleanFinding
  }
  const { next, door } = await openBetween(t, { scan })
  const client = await door.call()
  const check = async (before: readonly string[], wanted: Partial<Origin>) => {
    await client.command(...before, MAIL, RCPT, 'DATA', `${clean}.`)
    t.strictSame(JSON.parse(JSON.stringify(seen)), { interface: 'smtp', ...wanted }, before.join())
  }
  const clientAddress = '127.0.0.1'
  const forward = 'XFORWARD NAME=a.example ADDR=IPV6:2001:db8::1 HELO=b.example'
  const forwarded = { clientName: 'a.example', clientAddress: '2001:db8::1', helo: 'b.example' }
  await check([], { clientAddress })
  await check(['HELO old.example.org'], { clientAddress, helo: 'old.example.org' })
  await check([forward, 'XFORWARD IDENT=4FABC'], { ...forwarded, queueId: '4FABC' })
  const helo = 'c.example'
  await check([forward, 'EHLO c.example'], { clientAddress, helo })
  await check([forward, 'RSET'], { clientAddress, helo })
  await check(['XFORWARD ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]'], { clientAddress, helo })
  next.script = at('XFOR', '550 5.7.1 no')
  await check([forward], { clientAddress, helo })
  next.script = at('EHLO', '550 5.7.1 no')
  await check(['EHLO d.example'], { clientAddress, helo })
  next.script = undefined
  const odd = { clientAddress, helo: 'e.example' }
  await check(['EHLO  e.example'], odd)
  await check(['EHLO \te.example '], odd)
  await check(['XFORWARD NAME=a.example\tIDENT=4FABC'], {
    ...odd,
    clientName: 'a.example',
    queueId: '4FABC',
  })
  // XCLIENT_README: as if the client had just come. Several commands may name it.
  const named = { clientAddress: '192.0.2.7', login: 'ann' }
  await check([forward, 'XCLIENT LOGIN=ann', 'XCLIENT ADDR=192.0.2.7'], named)
  await check(['RSET'], named)
  await check([forward], { ...named, ...forwarded })
  await check(['RSET'], named)
  await check(['EHLO f.example'], { ...named, helo: 'f.example' })
})

t.test('the quota of each recipient is checked before the recipient is passed on', async (t) => {
  const asked: string[] = []
  const quota = {
    asksForRelayClients: false,
    async ask(recipient: { text: string }, size?: number) {
      asked.push(`${recipient.text} ${size}`)
      return recipient.text.startsWith('full')
        ? ({ status: 'full', usage: { size: 2, quota: 1 } } as const)
        : ({ status: 'room' } as const)
    },
  }
  const { next, door } = await openBetween(t, { quota })
  const [full, room] = ['RCPT TO:<full@example.org>', 'RCPT TO:<room@example.org>']
  const client = await door.greeted(`${MAIL} SIZE=77`)
  const refusal = '452 4.2.2 Quota exceeded for <full@example.org>, try again later'
  t.equal(await client.command(full), refusal)
  t.match(await client.command(room), /^250 /)
  t.same(asked, ['full@example.org 77', 'room@example.org 77'])
  t.same(
    next.commands.filter((line) => line.startsWith('RCPT')),
    [room],
  )
  t.match(await client.command('DATA', `${clean}.`), /^250 /)
  const relayed = await client.command('XFORWARD SOURCE=LOCAL', MAIL, full)
  t.match(relayed, /^250 /, 'relay clients are not asked about')
})

t.test('LMTP has a reply for each recipient that was taken', async (t) => {
  const { next, door } = await openBetween(t, { isLmtp: true, ...refusing })
  next.script = (_, line) => (line.startsWith('RCPT TO:<no') ? '550 5.1.1 nobody' : undefined)
  const client = await door.call()
  t.match(await client.command('LHLO mta.example.org'), /^250-next/)
  const send = async (content: string, count: number) => {
    const to = ['a@b.example', 'no@b.example', 'c@b.example'].map((path) => `RCPT TO:<${path}>`)
    await client.command(MAIL, ...to, 'DATA')
    client.write(`${content}.\r\n`)
    return client.hears(count)
  }
  const both = ['250 2.0.0 <a@b.example> has it', '250 2.0.0 <c@b.example> has it']
  t.same(await send(clean, 2), both)
  const refusal = '550 5.7.1 message refused: virus Test-Virus'
  t.same(await send(infected, 2), [refusal, refusal])
  const replies = ['250 2.0.0 one has it', '452 4.2.2 two is full', '250 2.0.0 three']
  next.script = at('.', replies.join('\r\n'))
  t.same(await send(clean, 3), replies)
})

// promise: rule-9-forged-senders
t.test('after the queue nothing is refused for what is in it', async (t) => {
  const { next, door } = await openBetween(t, { isQueued: true, ...refusing })
  t.match(await sendThrough(door, infected), /^250 /)
  t.match(next.got[0]?.content.toString(), /^X-QHPSI: virus found\r\n/)
  const forged = `${'X-QHPSI: clean\r\n'.repeat(17)}Subject: x\r\n\r\n`
  for (const [content, reply] of [
    [TROUBLE, /^451 4\.7\.1 /],
    [forged, /^451 4\.6\.0 message deferred: its header has more than 16/],
    ['a\n.\r\n', /^451 4\.6\.0 /],
  ] as const) {
    t.match(await sendThrough(door, content), reply)
  }
  t.equal(next.got.length, 1)
  for (const [REJECTVIRUS, rules, reply] of [
    ['1', 'to=ben@example.org REJECTVIRUS=1', /^250 2\.0\.0 next queued/],
    ['1', 'to=ben@example.org SCANTIMEOUT=3', /^250 2\.0\.0 next queued/],
    ['2', 'to=ben@example.org REJECTVIRUS=1', /^250 2\.0\.0 next queued/],
    ['2', 'to=x@example.org REJECTVIRUS=1', /^250 2\.0\.0 Ok/],
  ] as const) {
    const ruled = await openBetween(t, { isQueued: true, settings: { REJECTVIRUS }, rules })
    t.match(await sendThrough(ruled.door, infected), reply, `${REJECTVIRUS}, ${rules}`)
  }
  const small = await openBetween(t, { isQueued: true, maxSize: 10 })
  t.match(await sendThrough(small.door, 'a longer one\r\n'), /^451 4\.3\.4 /)
  t.equal(small.next.got.length, 0)
})

t.test('after the queue a bare CR is content, and a bare LF ends a line', async (t) => {
  const text = 'Subject: a\r\n\r\nb\nc\rd\r\n.\ne\r\r\n'
  const { next, door } = await openBetween(t, { isQueued: true })
  t.match(await sendThrough(door, text.replace('\r\n.', '\r\n..')), /^250 /)
  const lmtp = await openBetween(t, { isLmtp: true })
  t.match(await (await lmtp.door.sent(text.replace('\r\n.', '\r\n..'))).hear(), /^250 /)
  for (const { got } of [next, lmtp.next]) {
    const sent = got[0]?.content.toString('latin1')
    t.equal(sent?.replace(/^X-.*\r\n/, ''), 'Subject: a\r\n\r\nb\r\nc\rd\r\n.\r\ne\r\r\n')
  }
})

t.test('while no scanner is set, mail passes as it is', async (t) => {
  const { next, door } = await openBetween(t, { settings: { QHPSI: '' } })
  const text = 'Subject: x\r\nX-QHPSI: clean\r\n\r\n.hidden\r\n..\r\n\0\xff\r\n'
  t.match(await sendThrough(door, text.replaceAll('\r\n.', '\r\n..')), /^250 /)
  t.equal(next.got[0]?.content.toString('latin1'), text)
  t.match(
    door.mailLog[0],
    /decision=pass reason="QHPSI names no scanner" .*reply=250 interface=smtp/,
  )
})

t.test('each own reply has an enhanced code of its class, and a reason', async (t) => {
  const { startContent, ...others } = ownReply
  t.match(startContent.bytes.toString(), /^354 \w/)
  for (const [name, { code, bytes }] of Object.entries(others)) {
    const form = new RegExp(`^${code} ${Math.floor(code / 100)}\\.\\d\\.\\d \\w.*\r\n$`)
    t.match(bytes.toString(), form, name)
  }
})

t.test('the greeting matches the protocol', async (t) => {
  for (const isLmtp of [false, true]) {
    const { door } = await openBetween(t, { isLmtp })
    const greeting = await (await callDoor(door.port)).hear()
    t.equal(greeting, `220 ${hostname()} ${isLmtp ? 'LMTP' : 'ESMTP'}`)
  }
})

t.test('only the networks of --from may connect', async (t) => {
  const { door } = await openBetween(t, { from: [] })
  const client = await callDoor(door.port)
  t.match(await client.rest(), [/^554 5\.7\.1 /])
  t.match(door.log, [/smtp: 127\.0\.0\.1 may not connect \(--from\)/])
})

t.test(
  'an interface that stops closes idle clients immediately, and finishes a message',
  async (t) => {
    const { door } = await openBetween(t)
    const idle = await door.call()
    const busy = await door.amidData()
    const closed = door.close(20_000)
    t.match(await idle.hear(), /^421 4\.3\.2 /)
    busy.write(`${clean}.\r\n`)
    t.match(await busy.rest(), [/^250 /, /^421 4\.3\.2 /])
    await closed
  },
)
