import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { defaultNextServerTimeouts } from '../../../../src/scanner/doors/smtp/next-server/next-server.ts'
import { freePort } from '../../../programs/host/free-port.ts'
import { clean, infected, openBetween } from './between.ts'
import { at, startNext } from './next-server.ts'
import { openDoor, sendThrough } from './rig.ts'

/** Next servers that are broken, slow, gone or hostile; clients are in bad-input.test.ts. */

const MAIL = 'MAIL FROM:<a@b.example>'

t.test('while the next server is missing, mail is deferred', async (t) => {
  const door = await openDoor(t, await freePort())
  const client = await door.call()
  t.equal(await client.command('NOOP'), '250 2.0.0 Ok')
  t.match(await client.command('EHLO client.example.org'), /^421 4\.4\.2 /)
  t.equal(await client.hear(), undefined, 'and is left')
  t.match(
    door.mailLog[0],
    /decision=defer fault=next-hop reason="next server inet:127\.0\.0\.1:\d+: .*connection refused/,
  )
})

const nextServerTimeouts = {
  ...defaultNextServerTimeouts,
  connection: 300,
  command: 300,
  data: 300,
  block: 300,
  end: 300,
}

t.test('if the next server is silent at any stage, mail is deferred', async (t) => {
  const { next, door, stillServes } = await openBetween(t, { nextServerTimeouts })
  for (const stage of ['MAIL', 'RCPT', 'DATA', '.']) {
    next.script = at(stage, 'silence')
    const reply = await sendThrough(door, clean)
    const hasMessage = stage === 'DATA' || stage === '.'
    t.match(reply, hasMessage ? /^451 4\.4\.2 / : /^421 4\.4\.2 /, stage)
    t.match(door.mailLog.at(-1), /fault=next-hop .*has not answered in 300 ms/)
  }
  const client = await door.greeted()
  next.script = at('XFOR', 'silence')
  t.match(await client.command('XFORWARD ADDR=192.0.2.7'), /^421 4\.4\.2 /)
  next.script = at('QUIT', 'silence')
  t.equal(await (await door.greeted()).command('QUIT'), '221 2.0.0 Bye')
  next.script = at('EHLO', 'silence')
  t.match(await (await door.call()).command('EHLO client.example.org'), /^421 4\.4\.2 /)
  const mute = await startNext(t, { greeting: '' })
  const before = await openDoor(t, mute.port, { nextServerTimeouts })
  t.match(await (await before.call()).command(MAIL), /^421 4\.4\.2 /, 'in the greeting')
  await stillServes()
})

t.test('QUIT is answered soon, even if the next server has a long time for commands', async (t) => {
  const { next, door, over } = await openBetween(t, {
    nextServerTimeouts: { ...defaultNextServerTimeouts, quit: 50 },
  })
  const client = await door.greeted()
  next.script = at('QUIT', 'silence')
  t.equal(await client.command('QUIT'), '221 2.0.0 Bye')
  await over()
})

t.test('a transaction has ended only when the next server has agreed', async (t) => {
  const { next, door } = await openBetween(t)
  for (const [verb, line] of [
    ['EHLO', 'EHLO x.example'],
    ['RSET', 'RSET'],
  ] as const) {
    const client = await door.greeted(MAIL, 'RCPT TO:<b@b.example>')
    next.script = at(verb, '550 5.7.1 no')
    t.match(await client.command(line), /^550 /)
    t.match(await client.command('DATA'), /^354 /, `${verb} was refused`)
    t.match(await client.command(`${clean}.`), /^250 2\.0\.0 next queued/)
    next.script = undefined
    await client.command(MAIL, 'RCPT TO:<b@b.example>', line)
    t.match(await client.command('DATA'), /^503 /, `${verb} was taken`)
  }
})

t.test('a next server that takes no RSET keeps no refusal from its client', async (t) => {
  const settings = { REJECTVIRUS: '1' }
  const { next, door, stillServes } = await openBetween(t, { nextServerTimeouts, settings })
  for (const reply of ['silence', '500 5.5.1 no']) {
    next.script = at('RSET', reply)
    const client = await door.sent(infected)
    t.match(await client.hear(), /^550 5\.7\.1 /)
    t.match(await client.command(MAIL), /^421 4\.4\.2 /, 'but the message would still be there')
  }
  await stillServes()
})

t.test('a 421 of the next server at any stage ends the connection of the client', async (t) => {
  const { next, door, stillServes } = await openBetween(t)
  const full = '421 4.3.2 next is going down'
  for (const stage of ['EHLO', 'XFOR', 'MAIL', 'RCPT', 'DATA', '.', 'RSET', 'VRFY', 'QUIT']) {
    next.script = at(stage, (socket) => socket.end(`${full}\r\n`))
    const client = await door.call()
    let reply: string | undefined
    for (const line of [
      ...['EHLO x.example.org', 'VRFY a', 'XFORWARD ADDR=192.0.2.7', MAIL, 'RSET', MAIL],
      ...['RCPT TO:<b@b.example>', 'DATA', `${clean}.`, 'QUIT'],
    ]) {
      client.write(`${line}\r\n`)
      reply = await client.hear()
      if (reply?.startsWith('421')) break
    }
    t.equal(reply, full, stage)
    t.equal(await client.hear(), undefined)
  }
  const refusing = await startNext(t, { greeting: '421 4.3.2 too busy' })
  const other = await openDoor(t, refusing.port)
  t.match(await (await other.call()).command(MAIL), /^421 4\.4\.2 /)
  t.match(other.mailLog[0], /greeted with 421 4\.3\.2 too busy/)
  await stillServes()
})

t.test('if the next server closes between messages, the client has to come again', async (t) => {
  const { next, door, stillServes } = await openBetween(t)
  next.script = at('.', (socket) => socket.end('250 2.0.0 taken\r\n421 4.4.2 that was all\r\n'))
  const client = await door.sent(clean)
  t.equal(await client.hear(), '250 2.0.0 taken')
  while (next.open > 0) await wait(5)
  t.match(await client.command('XFORWARD ADDR=192.0.2.7'), /^421 4\.4\.2 /)
  t.equal(await client.hear(), undefined, 'and is left')
  await stillServes()
})

t.test('if the next server is lost during a transaction, so is the session', async (t) => {
  const { next, door, stillServes } = await openBetween(t)
  next.script = at('RCPT', (socket) => socket.destroy())
  const client = await door.greeted(MAIL)
  t.match(await client.command('RCPT TO:<b@b.example>'), /^421 4\.4\.2 /)
  t.equal(await client.hear(), undefined)
  await stillServes()
})

// promise: rule-6-acknowledge
t.test(
  'a next server that closes, speaks or stops during the content has not all of it',
  async (t) => {
    const timeouts = { ...defaultNextServerTimeouts, block: 300 }
    const { next, door, stillServes } = await openBetween(t, { nextServerTimeouts: timeouts })
    const whole = `Subject: x\r\n\r\n${'line of text\r\n'.repeat(400_000)}`
    next.script = at('CONTENT', (socket) => socket.destroy())
    t.match(await sendThrough(door, whole), /^451 4\.4\.2 /)
    next.script = (verb, content) =>
      verb === 'CONTENT' && content.length < 100_000 ? '250 2.0.0 I have heard enough' : undefined
    const taken = await sendThrough(door, whole)
    t.match(taken, /^451 4\.4\.2 |^250 /, 'it is never taken for more than it is')
    next.script = at('CONTENT', (socket) => socket.end('421 4.3.2 next is going down\r\n'))
    t.match(await sendThrough(door, whole), /^(451 4\.4\.2|421) /)
    const got = next.got.length
    next.script = at('CONTENT', (socket) => socket.pause())
    t.match(await sendThrough(door, whole), /^451 4\.4\.2 /)
    t.match(door.mailLog.at(-1), /fault=next-hop .*has accepted no data in 300 ms/)
    t.equal(next.got.length, got)
    await stillServes()
  },
)

t.test('replies that are malformed or without end never count as acceptance', async (t) => {
  const { next, door, stillServes } = await openBetween(t)
  const ask = async (text: string) => {
    next.script = at('VRFY', (socket) => socket.write(text))
    const client = await door.greeted()
    const reply = await client.command('VRFY x')
    await client.close()
    return reply
  }
  for (const odd of [
    ...['hello\r\n', '\r\n', '250-a\r\n550 b\r\n', '354 go on\r\n'],
    ...[`250 ${'x'.repeat(10_000)}\r\n`, '250-more\r\n'.repeat(20_000)],
  ]) {
    t.match(await ask(odd), /^421 4\.4\.2 /, odd.slice(0, 20))
  }
  const many = Array.from({ length: 999 }, (_, n) => `252-2.0.0 line ${n}`)
  const long = [...many, '252 2.0.0 end'].join('\n')
  t.equal(await ask(`${long}\n`), long, 'as it was given, though its lines end in bare LF')
  await stillServes()
})

// promise: rule-6-acknowledge
t.test('a second reply to one command is never taken for one to the next', async (t) => {
  const { next, door } = await openBetween(t)
  next.script = at('RCPT', '250 2.1.5 ok\r\n354 go on\r\n250 2.0.0 queued')
  const client = await door.sent(clean)
  t.match(await client.hear(), /^451 4\.4\.2 /)
  t.equal(next.got.length, 0)
  t.match(door.mailLog.at(-1), /sent an unexpected reply/)
})

const isLmtp = true
const users = ['ann', 'ben', 'cem', 'dan'].map((user) => `${user}@b.example`)
const [ann, ben, cem] = users as [string, string, string]

t.test(
  'each LMTP recipient gets the reply of the next server, or 451 if it closed before',
  async (t) => {
    const { next, door } = await openBetween(t, { isLmtp })
    const answers = ['250 2.0.0 ann has it', '250 2.0.0 ben has it', '552 5.2.2 cem is full']
    for (let answered = 0; answered <= answers.length; answered++) {
      const sent = answers.slice(0, answered).map((line) => `${line}\r\n`).join('') // biome-ignore format: a line
      next.script = at('.', (socket) => socket.end(sent))
      const client = await door.sent(clean, ann, ben, cem)
      const heard = await client.hears(3)
      t.same(heard.slice(0, answered), answers.slice(0, answered), `${answered} answers`)
      for (const reply of heard.slice(answered)) t.match(reply, /^451 4\.4\.2 /)
      if (answered < 3) t.match(door.mailLog.at(-1), / reply=451 |next="next server .* closed/)
      await client.close()
    }
  },
)

t.test('each LMTP reply is sent when it arrives, before the next one', async (t) => {
  const { next, door } = await openBetween(t, { isLmtp })
  const asked = next.asked('.', '250 2.0.0 ann has it')
  const client = await door.sent(clean, ann, ben, cem)
  t.equal(await client.hear(), '250 2.0.0 ann has it')
  ;(await asked).write('250 2.0.0 ben has it\r\n452 4.2.2 cem is full\r\n')
  t.same(await client.hears(2), ['250 2.0.0 ben has it', '452 4.2.2 cem is full'])
  t.match(await client.command('NOOP'), /^250 /, 'and nothing else is sent')
})

t.test('over LMTP all replies together have the time of one', async (t) => {
  const end = 1500
  const timeouts = { ...nextServerTimeouts, end }
  const { next, door } = await openBetween(t, { isLmtp, nextServerTimeouts: timeouts })
  let count = 0
  next.script = at('.', (socket) => {
    const more = setInterval(() => socket.write(`250 2.0.0 ${++count}\r\n`), end / 5)
    socket.on('close', () => clearInterval(more))
  })
  const many = Array.from({ length: 50 }, (_, number) => `user${number}@b.example`)
  const client = await door.sent(clean, ...many)
  const codes = (await client.hears(many.length)).map((reply) => reply.slice(0, 3))
  const taken = codes.filter((code) => code === '250').length
  t.ok(taken > 0 && taken < 10, `${taken} were in time`)
  t.same(new Set(codes.slice(taken)), new Set(['451']))
  t.match(door.mailLog.join(''), /next="next server .*has not answered in 1\.5 s"/)
})

t.test('an answer that had come counts, although it is read after its time', async (t) => {
  const { next, door } = await openBetween(t, { nextServerTimeouts })
  next.script = at('.', (socket) => {
    socket.write('250 2.0.0 taken\r\n')
    // Meanwhile nothing goes on in this process, which is the door's, too.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * nextServerTimeouts.end)
  })
  t.match(await sendThrough(door, clean), /^250 2\.0\.0 taken/)
})

t.test('a 421 ends the replies of LMTP: the other recipients get 451', async (t) => {
  const { next, door } = await openBetween(t, { isLmtp })
  next.script = at('.', '250 2.0.0 ann has it\r\n421 4.3.2 going down\r\n250 2.0.0 lie')
  const client = await door.sent(clean, ...users)
  t.match(await client.hears(4), [
    ...[/^250 2\.0\.0 ann/, /^451 4\.3\.2 going down/],
    ...[/^451 4\.4\.2 /, /^451 4\.4\.2 /],
  ])
  while (next.open > 0) await wait(5)
  t.match(door.mailLog, [
    /decision=accept .*reply=250 .*to=<ann@b\.example> rcpts=1 /,
    /answered=recipients reply=250 rcpt=<ann@b\.example>$/m,
    /decision=accept .*reply=451 next="421 4\.3\.2 going down" .*to=<ben@b\.example> rcpts=3 /,
    /answered=recipients reply=451 rcpt=<ben@b\.example> rcpt=<cem@b\.example> rcpt=<dan@b\.example>$/m, // biome-ignore format: a line
  ])
})

t.test('the log has a line for each recipient, and names no more than 64 of a kind', async (t) => {
  const { next, door } = await openBetween(t, { isLmtp })
  const many = Array.from({ length: 200 }, (_, number) => `user${number}@b.example`)
  const replies = many.map((_, at) => (at % 2 ? '552 5.2.2 full' : '250 2.0.0 ok'))
  next.script = at('.', replies.join('\r\n'))
  await (await door.sent(clean, ...many)).hears(many.length)
  const judged = door.mailLog.filter((line) => line.includes(' decision='))
  t.match(judged, [
    /reply=250 .*to=<user0@b\.example> rcpts=100 /,
    /reply=552 next="552 5\.2\.2 full" .*to=<user1@b\.example> rcpts=100 /,
  ])
  for (const [first, reply] of [250, 552].entries()) {
    const named = door.mailLog
      .filter((line) => line.includes(`answered=recipients reply=${reply} `))
      .flatMap((line) => line.match(/(?<=rcpt=<user)\d+/g) ?? [])
    const wanted = Array.from({ length: 64 }, (_, at) => `${2 * at + first}`)
    t.same(named, wanted)
  }
})

for (const isLmtp of [false, true]) {
  const name = isLmtp ? 'LMTP' : 'SMTP'
  t.test(
    `${name}: after a 3xx reply to the content the connection is not used again`,
    async (t) => {
      const { next, door } = await openBetween(t, { isLmtp })
      next.script = at('.', '354 go on')
      t.match(await (await door.sent(clean)).hear(), /^451 4\.4\.2 /)
      while (next.open > 0) await wait(5)
      t.equal(next.commands.at(-1), 'DATA', 'it hears nothing more')
    },
  )
}
