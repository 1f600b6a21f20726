import t from 'tap'
import { buildStage } from '../../cases/stage.ts'
import { callDoor } from './client.ts'
import { startNext } from './next-server.ts'
import { openDoor, sendThrough } from './rig.ts'

/** The conversation of the SMTP door with a client and the next server. */

const stage = buildStage(t)
const scanning = { QHPSI: stage.scanner, REJECTVIRUS: '1' }
const clean = 'Subject: x\r\n\r\nhello\r\n'

// promise: rule-11-recipients
t.test(
  'commands are handed on as they were sent, and replies come back as they were given',
  async (t) => {
    const next = await startNext(t, {
      script: (verb) => (verb === 'VRFY' ? '252-2.0.0 perhaps\r\n252 2.0.0 who knows' : undefined),
    })
    const door = await openDoor(t, next.port, { settings: scanning })
    const client = await door.call()
    await client.say('EHLO Client.Example.ORG')
    t.equal(await client.say('VRFY  ben'), '252-2.0.0 perhaps\n252 2.0.0 who knows')
    const mail =
      'MAIL  FROM:<ann@example.net> SIZE=100 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ+2B1'
    t.equal(await client.say(mail), '250 2.1.0 next took MAIL')
    const rcpt =
      'rcpt to:<ben@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;ben@example.org X-NEW=1'
    t.equal(await client.say(rcpt), '250 2.1.0 next took RCPT')
    t.equal(await client.say('NOOP now'), '250 2.1.0 next took NOOP')
    t.match(await client.say('DATA'), /^354 /)
    client.write(`${clean}.\r\n`)
    t.equal(
      await client.hear(),
      '250 2.0.0 next queued it as 1 for 1',
      'with the text of the next server',
    )
    t.equal(await client.say('RSET'), '250 2.1.0 next took RSET')
    t.equal(await client.say('QUIT'), '221 2.0.0 next says goodbye')
    t.same(next.commands, [
    'EHLO Client.Example.ORG', 'VRFY  ben', mail, rcpt, 'NOOP now', 'DATA', 'RSET', 'QUIT',
  ]) // biome-ignore format: a list
    t.equal(next.got[0]?.content.toString(), `X-QHPSI: clean\r\n${clean}`)
    await client.close()
  },
)

t.test(
  'a client that has said all, and closes its own side of the connection, gets its answers',
  async (t) => {
    const next = await startNext(t)
    const door = await openDoor(t, next.port, { settings: scanning })
    const client = await door.call()
    for (const line of ['EHLO x', 'MAIL FROM:<a@b.example>', 'RCPT TO:<b@b.example>', 'DATA']) {
      await client.say(line)
    }
    client.socket.end('Subject: x\r\n\r\nSLOW\r\n.\r\nQUIT\r\n') // as Exim does
    t.match(await client.rest(), [/^250 2\.0\.0 next queued/, /^221 2\.0\.0 next says goodbye/])
    t.equal(next.got.length, 1)
    while (door.state().clients > 0) await new Promise(setImmediate)
    t.match(door.mailLog, [/decision=accept .*reply=250 /])
  },
)

// promise: proxy-features
t.test('EHLO offers what the next server offers, except what a proxy cannot keep', async (t) => {
  const extensions = ['PIPELINING', 'SIZE 1000', 'STARTTLS', 'AUTH PLAIN', 'CHUNKING', 'BINARYMIME', '8BITMIME', 'X-NEW a b'] // biome-ignore format: a list
  const next = await startNext(t, { extensions })
  const door = await openDoor(t, next.port)
  const client = await door.call()
  const kept = '250-PIPELINING\n250-SIZE 1000\n250-8BITMIME\n250 X-NEW a b'
  const ehloReply = await client.say('EHLO client.example.org')
  t.equal(ehloReply, `250-next.example.org at your service\n${kept}`)
  for (const command of ['STARTTLS', 'AUTH PLAIN AGEAYg==', 'BDAT 10 LAST', 'XEXCH50 2 2']) {
    t.match(await client.say(command), /^502 5\.5\.1 /)
  }
  t.same(next.commands, ['EHLO client.example.org'], 'the next server has heard of none of them')

  const second = await door.call()
  t.equal(next.calls, 1, 'a client that has not greeted has no connection')
  t.equal(await second.say('EHLO two.example.org'), ehloReply)
  await second.say('MAIL FROM:<a@b.example>')
  t.equal(next.calls, 2, 'and then one')
  await second.close()
  while (next.open > 1) await new Promise(setImmediate)
})

t.test('mail passes after HELO, and without any greeting', async (t) => {
  const next = await startNext(t)
  const door = await openDoor(t, next.port)
  const client = await door.call()
  t.match(await client.say('HELO old.example.org'), /^250 /)
  await client.say('MAIL FROM:<a@b.example>')
  t.ok(next.commands.includes('HELO old.example.org'))
  const mute = await door.call()
  t.match(await mute.say('MAIL FROM:<a@b.example>'), /^250 /, 'the next server decides')
})

// promise: proxy-change
t.test('for mail that is refused, deferred or dropped the next server hears RSET', async (t) => {
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { settings: scanning })
  const client = await door.call()
  await client.say('EHLO client.example.org')
  const send = async (text: string) => {
    await client.say('MAIL FROM:<ann@example.net>')
    await client.say('RCPT TO:<ben@example.org>')
    await client.say('DATA')
    client.write(`Subject: x\r\n\r\n${text}\r\n.\r\n`)
    return client.hear()
  }
  t.equal(await send('VIRUS'), '550 5.7.1 message refused: virus Test-Virus')
  t.equal(await send('TROUBLE'), '451 4.7.1 message could not be scanned, try again later')
  t.same(
    next.commands.filter((line) => line === 'RSET' || line === 'DATA'),
    ['RSET', 'RSET'],
  )
  t.match(await send('hello'), /^250 /, 'on the same connections')
  t.equal(next.calls, 1)
  t.match(door.mailLog, [
    /decision=reject .* virus=Test-Virus grounds=virus .* reply=550 door=smtp /,
    /decision=defer .* reply=451 door=smtp /,
    /decision=accept .* reply=250 door=smtp /,
  ])
  const dropping = await openDoor(t, next.port, { settings: { ...scanning, REJECTVIRUS: '2' } })
  t.equal(await sendThrough(dropping, 'Subject: x\r\n\r\nVIRUS\r\n'), '250 2.0.0 Ok')
  t.equal(next.got.length, 1)
})

// promise: rule-11-recipients, proxy-change
t.test(
  'for mail to VIRUSFORWARD the next server hears the same MAIL and another recipient',
  async (t) => {
    const next = await startNext(t)
    const settings = { QHPSI: stage.scanner, VIRUSFORWARD: 'quarantine@example.org' }
    const forwarding = await openDoor(t, next.port, { settings })
    const forward = 'XFORWARD NAME=a.example ADDR=192.0.2.9 IDENT=4FABC'
    const first = await forwarding.call()
    for (const line of ['EHLO x', forward, 'MAIL FROM:<a@b.example>', 'RCPT TO:<b@b.example>']) {
      await first.say(line)
    }
    await first.say('DATA')
    first.write('Subject: x\r\n\r\nVIRUS\r\n.\r\n')
    t.match(await first.hear(), /^250 /)
    t.same(
      next.got[0]?.commands.slice(-5),
      ['RSET', forward, 'MAIL FROM:<a@b.example>', 'RCPT TO:<quarantine@example.org>', 'DATA'],
      'RSET has made it forget who the client is',
    )
    const door = await openDoor(t, next.port, { settings })
    const to = ['ben@example.org', 'cem@example.org']
    t.match(await sendThrough(door, 'Subject: x\r\n\r\nVIRUS\r\n', to), /^250 2\.0\.0 next queued/)
    const got = next.got[1]
    t.same([got?.sender, got?.recipients], ['ann@example.net', ['quarantine@example.org']])
    t.match(
      got?.content.toString(),
      /^X-QHPSI: virus found\r\nX-Quarantine-ID: .*ben@example\.org,cem@/,
    )
    next.script = (verb, line) =>
      line.includes('quarantine') && verb === 'RCPT' ? '550 5.1.1 nobody' : undefined
    t.equal(await sendThrough(door, 'Subject: x\r\n\r\nVIRUS\r\n', to), '550 5.1.1 nobody')
  },
)

t.test('the client gets the answer of the next server, whatever it is', async (t) => {
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { settings: scanning })
  for (const reply of [
    '250-2.0.0 two\r\n250 2.0.0 lines',
    '452 4.3.1 full',
    '554 5.6.0 no',
    '550',
  ]) {
    next.script = (verb) => (verb === '.' ? reply : undefined)
    t.equal(await sendThrough(door, clean), reply.replaceAll('\r\n', '\n'))
    next.script = (verb) => (verb === 'DATA' ? reply : undefined)
    if (!reply.startsWith('2')) t.equal(await sendThrough(door, clean), reply)
  }
  t.match(door.mailLog.join(''), /decision=accept .* reply=452 next="452 4\.3\.1 full" door=smtp/)
})

t.test(
  'the client that XFORWARD names is the one for the log, plugins and SCANFAIL_RELAY',
  async (t) => {
    const next = await startNext(t)
    const settings = { ...scanning, SCANFAIL_RELAY: 'accept' }
    const door = await openDoor(t, next.port, { settings })
    const client = await door.call()
    await client.say('EHLO mta.example.org')
    const send = async (...before: readonly string[]) => {
      for (const line of before) await client.say(line)
      await client.say('MAIL FROM:<ann@example.net>')
      await client.say('RCPT TO:<ben@example.org>')
      await client.say('DATA')
      client.write('Subject: x\r\n\r\nTROUBLE\r\n.\r\n')
      return client.hear()
    }
    const forward = 'XFORWARD NAME=a.example ADDR=IPV6:2001:db8::1 HELO=b.example IDENT=4FABC'
    t.match(await send(forward, 'XFORWARD SOURCE=REMOTE'), /^451 /)
    t.match(await send('XFORWARD ADDR=192.0.2.9 SOURCE=LOCAL'), /^250 /)
    t.match(await send(), /^451 /, 'the attributes are for one message')
    t.ok(next.commands.includes(forward))
    t.match(door.mailLog, [
      /queue=4FABC remote=2001:db8::1 /,
      /remote=192\.0\.2\.9 /,
      /door=smtp remote=127\.0\.0\.1 /,
    ])
  },
)

t.test(
  'XCLIENT is handed on and believed, and is not repeated on another connection',
  async (t) => {
    const next = await startNext(t, {
      extensions: ['XCLIENT NAME ADDR LOGIN'],
      script: (verb) => (verb === 'XCLI' ? '220 next.example.org once more' : undefined),
    })
    const door = await openDoor(t, next.port, {
      settings: { ...scanning, SCANFAIL_RELAY: 'accept' },
    })
    const client = await door.call()
    await client.say('EHLO mta.example.org')
    t.equal(await client.say('XCLIENT ADDR=192.0.2.7 LOGIN=ann'), '220 next.example.org once more')
    await client.say('EHLO client.example.org')
    await client.say('MAIL FROM:<ann@example.net>')
    await client.say('RCPT TO:<ben@example.org>')
    await client.say('DATA')
    client.write('Subject: x\r\n\r\nTROUBLE\r\n.\r\n')
    t.match(await client.hear(), /^250 /, 'it has authenticated')
    t.match(door.mailLog[0], /remote=192\.0\.2\.7 /)
    next.script = (_, line, socket) => void (line.startsWith('MAIL') && socket.destroy())
    t.match(await client.say('MAIL FROM:<ann@example.net>'), /^421 /)
  },
)

t.test('the quota of each recipient is asked for before the next server hears of it', async (t) => {
  const asked: string[] = []
  const next = await startNext(t)
  const quota = {
    askForRelayClients: false,
    async ask(recipient: { text: string }, size?: number) {
      asked.push(`${recipient.text} ${size}`)
      return recipient.text.startsWith('full')
        ? ({ answer: 'full', usage: { size: 2, quota: 1 } } as const)
        : ({ answer: 'room' } as const)
    },
  }
  const door = await openDoor(t, next.port, { settings: scanning, quota: quota as never })
  const client = await door.call()
  await client.say('EHLO client.example.org')
  await client.say('MAIL FROM:<ann@example.net> SIZE=77')
  t.equal(
    await client.say('RCPT TO:<full@example.org>'),
    '452 4.2.2 Quota exceeded for <full@example.org>, try again later',
  )
  t.match(await client.say('RCPT TO:<room@example.org>'), /^250 /)
  t.same(asked, ['full@example.org 77', 'room@example.org 77'])
  t.same(
    next.commands.filter((line) => line.startsWith('RCPT')),
    ['RCPT TO:<room@example.org>'],
  )
  await client.say('DATA')
  client.write(`${clean}.\r\n`)
  t.match(await client.hear(), /^250 /)
  await client.say('XFORWARD SOURCE=LOCAL')
  await client.say('MAIL FROM:<ann@example.net>')
  t.match(
    await client.say('RCPT TO:<full@example.org>'),
    /^250 /,
    'relay clients are not asked about',
  )
})

t.test('LMTP has a reply for each recipient that was taken', async (t) => {
  const next = await startNext(t, {
    lmtp: true,
    script: (_, line) => (line.startsWith('RCPT TO:<no') ? '550 5.1.1 nobody' : undefined),
  })
  const door = await openDoor(t, next.port, { lmtp: true, settings: scanning })
  const client = await door.call()
  t.match(await client.say('LHLO mta.example.org'), /^250-next/)
  const send = async (text: string, count: number) => {
    await client.say('MAIL FROM:<ann@example.net>')
    for (const to of ['a@b.example', 'no@b.example', 'c@b.example'])
      await client.say(`RCPT TO:<${to}>`)
    await client.say('DATA')
    client.write(`Subject: x\r\n\r\n${text}\r\n.\r\n`)
    const replies: (string | undefined)[] = []
    while (replies.length < count) replies.push(await client.hear())
    return replies
  }
  t.same(await send('hello', 2), [
    '250 2.0.0 <a@b.example> has it',
    '250 2.0.0 <c@b.example> has it',
  ])
  const refusal = '550 5.7.1 message refused: virus Test-Virus'
  t.same(await send('VIRUS', 2), [refusal, refusal])
  next.script = (verb) =>
    verb === '.' ? '250 2.0.0 one has it\r\n452 4.2.2 two is full\r\n250 2.0.0 three' : undefined
  t.same(await send('hello', 3), [
    '250 2.0.0 one has it',
    '452 4.2.2 two is full',
    '250 2.0.0 three',
  ])
  t.match(
    await client.say('EHLO x'),
    /^250 2\.1\.0 next took EHLO|^250-/,
    'the next server answers for EHLO',
  )
})

// promise: rule-9-forged-senders
t.test('after the queue nothing is refused for what is in it', async (t) => {
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { settings: scanning, afterQueue: true })
  t.match(await sendThrough(door, 'Subject: x\r\n\r\nVIRUS\r\n'), /^250 /)
  t.match(next.got[0]?.content.toString(), /^X-QHPSI: virus found\r\n/)
  t.match(await sendThrough(door, 'Subject: x\r\n\r\nTROUBLE\r\n'), /^451 4\.7\.1 /)
  const forged = `${'X-QHPSI: clean\r\n'.repeat(17)}Subject: x\r\n\r\n`
  t.match(
    await sendThrough(door, forged),
    /^451 4\.6\.0 message refused: its header has more than 16/,
  )
  t.match(await sendThrough(door, 'a\n.\r\n'), /^451 4\.6\.0 /)
  const small = await openDoor(t, next.port, { settings: scanning, afterQueue: true, maxSize: 10 })
  t.match(await sendThrough(small, 'a longer one\r\n'), /^451 4\.3\.4 /)
  t.equal(next.got.length, 1)
})

t.test('after the queue a bare CR is content, and a bare LF ends a line', async (t) => {
  const next = await startNext(t)
  const text = 'Subject: a\r\n\r\nb\nc\rd\r\n.\ne\r\r\n'
  for (const place of [{ afterQueue: true }, { lmtp: true }]) {
    const door = await openDoor(t, next.port, { settings: scanning, ...place })
    t.match(await sendThrough(door, text.replace('\r\n.', '\r\n..')), /^250 /)
    const sent = next.got.at(-1)?.content.toString('latin1')
    t.equal(sent?.replace(/^X-.*\r\n/, ''), 'Subject: a\r\n\r\nb\r\nc\rd\r\n.\r\ne\r\r\n')
  }
})

t.test('while no scanner is set, mail passes as it is', async (t) => {
  const next = await startNext(t)
  const door = await openDoor(t, next.port)
  const text = 'Subject: x\r\nX-QHPSI: clean\r\n\r\n.hidden\r\n..\r\n\0\xff\r\n'
  t.match(await sendThrough(door, text.replaceAll('\r\n.', '\r\n..')), /^250 /)
  t.equal(next.got[0]?.content.toString('latin1'), text.replace('.hidden', '.hidden'))
  t.match(door.mailLog[0], /decision=pass reason="QHPSI is not set" .*reply=250 door=smtp/)
})

t.test('only the networks of --from may connect', async (t) => {
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { from: [] })
  const client = await callDoor(door.port)
  t.match(await client.hear(), /^554 5\.7\.1 /)
  t.equal(await client.hear(), undefined)
  await client.close()
  t.match(door.log, [/smtp: 127\.0\.0\.1 may not connect \(--from\)/])
})

t.test('a door that stops leaves idle clients at once, and finishes a message', async (t) => {
  const next = await startNext(t)
  const door = await openDoor(t, next.port, { settings: scanning })
  const idle = await door.call()
  const busy = await door.call()
  await busy.say('EHLO client.example.org')
  await busy.say('MAIL FROM:<a@b.example>')
  await busy.say('RCPT TO:<b@b.example>')
  await busy.say('DATA')
  const closed = door.close(20_000)
  t.match(await idle.hear(), /^421 4\.3\.2 /)
  busy.write(`${clean}.\r\n`)
  t.match(await busy.rest(), [/^250 /, /^421 4\.3\.2 /])
  await closed
})

t.test(
  'a door that stops leaves a message that is not finished in time with its client',
  async (t) => {
    const next = await startNext(t)
    const door = await openDoor(t, next.port, { settings: scanning })
    const client = await door.call()
    await client.say('EHLO client.example.org')
    await client.say('MAIL FROM:<a@b.example>')
    await client.say('RCPT TO:<b@b.example>')
    await client.say('DATA')
    client.write('half a mess')
    await door.close(1)
    t.match(await client.rest(), [/^421 4\.3\.2 /])
    t.equal(next.got.length, 0)
  },
)
