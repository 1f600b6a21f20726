import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { standardPatience } from '../../../src/doors/smtp/next-server.ts'
import { standardTimeouts } from '../../../src/doors/smtp/smtp.ts'
import { buildStage } from '../../cases/stage.ts'
import { freePort } from '../../programs/free-port.ts'
import { type Client, callDoor } from './client.ts'
import { type RunningNext, type Script, startNext } from './next-server.ts'
import { type OpenDoor, openDoor, sendThrough, type Wishes } from './rig.ts'

/** Clients and next servers that are broken, slow, gone or hostile. */

const stage = buildStage()
t.teardown(() => stage.remove())
const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1' }
const clean = 'Subject: x\r\n\r\nhello\r\n'

async function open(
  t: Test,
  wishes: Wishes = {},
  script?: Script,
): Promise<{ next: RunningNext; door: OpenDoor }> {
  const next = await startNext(t, script && { script })
  return { next, door: await openDoor(t, next.port, { settings, ...wishes }) }
}

/** A client that may send content. */
async function amidData(door: OpenDoor): Promise<Client> {
  const client = await door.call()
  await client.say('EHLO client.example.org')
  await client.say('MAIL FROM:<a@b.example>')
  await client.say('RCPT TO:<b@b.example>')
  await client.say('DATA')
  return client
}

/** Mail of others still passes. */
async function stillServes(t: Test, door: OpenDoor, next: RunningNext): Promise<void> {
  next.script = undefined
  t.match(await sendThrough(door, clean), /^250 2\.0\.0 next queued/, 'it still serves')
}

t.test('a command of 10 MB without an end closes the connection', async (t) => {
  const { next, door } = await open(t)
  const client = await door.call()
  const before = process.memoryUsage().rss
  for (let n = 0; n < 160 && !client.socket.destroyed; n++) client.write('x'.repeat(65_536))
  t.match(await client.rest(), [/^421 4\.3\.0 /])
  t.ok(process.memoryUsage().rss - before < 60e6)
  t.match(door.log, [/a command without an end/])
  await stillServes(t, door, next)
})

t.test('a line that is too long, an empty one and one of odd bytes are no commands', async (t) => {
  const { next, door } = await open(t)
  const client = await door.call()
  t.match(await client.say(`NOOP ${'x'.repeat(5000)}`), /^500 5\.5\.2 the line is too long/)
  for (const line of ['', 'NO\0OP', 'NOOP \r x', '\x1b[2J', '   ']) {
    t.match(await client.say(line), /^500 5\.5\.2 not a command/, JSON.stringify(line))
  }
  t.match(await client.say('N\xd6\xd6P \xff'), /^250 2\.1\.0 next took/, '8-bit goes on as it is')
  t.equal(next.commands.at(-1), 'N\xd6\xd6P \xff')
  t.match(await client.say('MAIL TO:<a>'), /^501 /)
  t.match(await client.say('MAIL FROM:<a@b.example>'), /^250 /)
  t.match(await client.say('RCPT FROM:<a>'), /^501 /)
})

t.test('DATA, RCPT and another MAIL out of order', async (t) => {
  const { next, door } = await open(t)
  const client = await door.call()
  await client.say('EHLO client.example.org')
  t.match(await client.say('DATA'), /^503 /)
  t.match(await client.say('RCPT TO:<b@b.example>'), /^503 /)
  await client.say('MAIL FROM:<a@b.example>')
  t.match(await client.say('DATA'), /^554 5\.5\.1 no recipient/)
  t.match(await client.say('DATA now'), /^501 /)
  await client.say('RCPT TO:<b@b.example>')
  await client.say('RSET')
  t.match(await client.say('DATA'), /^503 /)
  t.notOk(next.commands.includes('DATA'))
})

t.test('commands in one go are carried out in their order', async (t) => {
  const { next, door } = await open(t)
  const client = await door.call()
  await client.say('EHLO client.example.org')
  client.write(
    'RSET\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@b.example>\r\nRCPT TO:<c@b.example>\r\nDATA\r\n',
  )
  for (const code of ['250', '250', '250', '250', '354'])
    t.match((await client.hear())?.slice(0, 3), code)
  client.write(`${clean}.\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nQUIT\r\n`)
  const replies = await client.rest()
  t.match(replies, [/^250 2\.0\.0 next queued/, /^250 /, /^250 /, /^221 /])
  t.same(next.got[0]?.recipients, ['b@b.example', 'c@b.example'])
})

t.test(
  'whoever sends on before DATA is answered is left, and nothing of it is a command',
  async (t) => {
    const { next, door } = await open(t)
    const client = await door.call()
    await client.say('EHLO client.example.org')
    client.write(
      `MAIL FROM:<a@b.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n${clean}.\r\nVRFY x\r\n`,
    )
    t.match(await client.rest(), [/^250 /, /^250 /, /^554 5\.5\.0 /])
    t.equal(next.got.length, 0)
    t.notOk(next.commands.includes('VRFY x'))
    await stillServes(t, door, next)
  },
)

t.test('a client that says a byte at a time, and one that stops', async (t) => {
  const timeouts = { ...standardTimeouts, silence: 200, command: 400, content: 600 }
  const { next, door } = await open(t, { timeouts })
  const slow = await door.call()
  let left = false
  slow.socket.on('close', () => {
    left = true
  })
  for (let n = 0; n < 100 && !left; n++) {
    slow.write('N')
    await wait(20)
  }
  t.match(await slow.rest(), [/^421 4\.4\.2 /], 'the whole line has its time')

  const silent = await door.call()
  t.match(await silent.hear(), /^421 4\.4\.2 /)
  const halfway = await amidData(door)
  halfway.write('Subject: x\r\n')
  t.match(await halfway.hear(), /^421 4\.4\.2 /)
  const dripping = await amidData(door)
  let over = false
  void dripping.hear().then(() => {
    over = true
  })
  for (let n = 0; n < 200 && !over; n++) {
    dripping.write('x')
    await wait(20)
  }
  t.ok(over, 'the whole content has its time')
  t.equal(next.got.length, 0)
  await stillServes(t, door, next)
})

t.test(
  'a client that leaves in the middle of content, in the dot, before the answer, before QUIT',
  async (t) => {
    const { next, door } = await open(t)
    for (const part of ['Subject', `${clean}.`, `${clean}.\r`]) {
      const client = await amidData(door)
      client.write(part)
      client.socket.destroySoon()
      await client.rest()
    }
    const gone = await amidData(door)
    gone.write('Subject: x\r\n\r\nSLOW\r\n.\r\n')
    gone.socket.resetAndDestroy()
    while (door.mailLog.length < 4) await wait(5)
    t.equal(next.got.length, 0, 'nothing is handed on, since nobody was told')
    for (const line of door.mailLog)
      t.match(line, /decision=defer fault=read reason="the client left/)
    const polite = await amidData(door)
    polite.write(`${clean}.\r\n`)
    t.match(await polite.hear(), /^250 /)
    polite.socket.destroy()
    await stillServes(t, door, next)
  },
)

t.test('a next server that is missing', async (t) => {
  const door = await openDoor(t, await freePort(), { settings })
  const client = await door.call()
  t.match(await client.say('EHLO client.example.org'), /^451 4\.4\.2 /)
  t.match(await client.say('MAIL FROM:<a@b.example>'), /^451 4\.4\.2 /)
  t.match(await client.say('RCPT TO:<b@b.example>'), /^503 /)
  t.equal(await client.say('QUIT'), '221 2.0.0 Bye')
  t.match(
    door.mailLog[0],
    /decision=defer fault=chain reason="next server inet:127\.0\.0\.1:\d+: .*ECONNREFUSED/,
  )
})

const patience = {
  ...standardPatience,
  connection: 300,
  command: 300,
  data: 300,
  block: 300,
  end: 300,
}

t.test('a next server that is silent at any stage', async (t) => {
  const { next, door } = await open(t, { patience })
  for (const stage of ['MAIL', 'RCPT', 'DATA', '.']) {
    next.script = (verb) => (verb === stage ? 'silence' : undefined)
    const reply = await sendThrough(door, clean)
    t.match(
      reply,
      stage === 'RCPT' || stage === 'MAIL' ? /^(451|503|554) / : /^451 4\.4\.2 /,
      stage,
    )
    t.match(door.mailLog.at(-1), /fault=chain .*has not answered in 0\.3 s/)
  }
  next.script = (verb) => (verb === 'EHLO' ? 'silence' : undefined)
  const fresh = await openDoor(t, next.port, { settings, patience })
  t.match(await (await fresh.call()).say('EHLO client.example.org'), /^451 4\.4\.2 /)
  const mute = await startNext(t, { greeting: '' })
  const before = await openDoor(t, mute.port, { settings, patience })
  const client = await before.call()
  t.match(await client.say('MAIL FROM:<a@b.example>'), /^451 4\.4\.2 /, 'in the greeting')
  await stillServes(t, door, next)
})

t.test(
  'a next server that is silent at RSET does not keep a refusal from its client',
  async (t) => {
    const { next, door } = await open(t, { patience })
    next.script = (verb) => (verb === 'RSET' ? 'silence' : undefined)
    t.match(await sendThrough(door, 'Subject: x\r\n\r\nVIRUS\r\n'), /^550 5\.7\.1 /)
    await stillServes(t, door, next)
  },
)

t.test('421 at each stage goes to the client, which is left', async (t) => {
  const { next, door } = await open(t)
  const full = '421 4.3.2 next is going down'
  for (const stage of ['EHLO', 'MAIL', 'RCPT', 'DATA', '.', 'RSET', 'VRFY']) {
    next.script = (verb, _, socket) => {
      if (verb !== stage) return undefined
      socket.end(`${full}\r\n`)
      return 'silence'
    }
    const client = await door.call()
    const said: string[] = []
    const commands = [
      'EHLO x.example.org',
      'VRFY a',
      'MAIL FROM:<a@b.example>',
      'RSET',
      'MAIL FROM:<a@b.example>',
      'RCPT TO:<b@b.example>',
      'DATA',
    ]
    for (const command of commands) {
      client.write(`${command}\r\n`)
      said.push((await client.hear()) ?? '')
      if (said.at(-1)?.startsWith('421')) break
    }
    if (said.at(-1)?.startsWith('354')) {
      client.write(`${clean}.\r\n`)
      said.push((await client.hear()) ?? '')
    }
    t.equal(said.at(-1), full, stage)
    t.equal(await client.hear(), undefined)
  }
  const refusing = await startNext(t, { greeting: '421 4.3.2 too busy' })
  const other = await openDoor(t, refusing.port, { settings })
  const client = await other.call()
  t.match(await client.say('MAIL FROM:<a@b.example>'), /^451 4\.4\.2 /)
  t.match(other.mailLog[0], /greets with 421 4\.3\.2 too busy/)
  await stillServes(t, door, next)
})

t.test('a next server that closes between messages is called again', async (t) => {
  const { next, door } = await open(t)
  const client = await amidData(door)
  next.script = (verb, _, socket) => {
    if (verb !== '.') return undefined
    socket.end('250 2.0.0 taken\r\n421 4.4.2 that was all\r\n')
    return 'silence'
  }
  client.write(`${clean}.\r\n`)
  t.equal(await client.hear(), '250 2.0.0 taken')
  next.script = undefined
  while (next.open > 0) await wait(5)
  t.match(await client.say('XFORWARD ADDR=192.0.2.7'), /^250 /)
  t.match(await client.say('MAIL FROM:<a@b.example>'), /^250 /)
  t.equal(next.commands.filter((line) => line.startsWith('EHLO')).length, 2, 'and is greeted')
})

t.test('a next server that is lost amid a transaction', async (t) => {
  const { next, door } = await open(t)
  next.script = (verb, _, socket) => void (verb === 'RCPT' && socket.destroy())
  const client = await door.call()
  await client.say('EHLO client.example.org')
  await client.say('MAIL FROM:<a@b.example>')
  t.match(await client.say('RCPT TO:<b@b.example>'), /^451 4\.4\.2 /)
  next.script = undefined
  t.match(await client.say('RCPT TO:<b@b.example>'), /^451 4\.4\.2 /, 'its MAIL is lost with it')
  t.match(await client.say('DATA'), /^554 /)
  t.match(await client.say('RSET'), /^250 /)
  t.match(await client.say('MAIL FROM:<a@b.example>'), /^250 /, 'and then it is called again')
})

t.test('a next server that closes in the middle of content, or speaks there', async (t) => {
  const { next, door } = await open(t)
  const large = `Subject: x\r\n\r\n${'x'.repeat(70)}\r\n`.padEnd(3_000_000, 'line of text\r\n')
  const whole = large.slice(0, large.lastIndexOf('\r\n') + 2)
  next.script = (verb, _, socket) => {
    if (verb !== 'CONTENT') return undefined
    socket.destroy()
    return 'silence'
  }
  t.match(await sendThrough(door, whole), /^451 4\.4\.2 /)
  next.script = (verb, content) =>
    verb === 'CONTENT' && content.length < 100_000 ? '250 2.0.0 I have heard enough' : undefined
  t.match(
    await sendThrough(door, whole),
    /^451 4\.4\.2 |^250 /,
    'it is never taken for more than it is',
  )
  await stillServes(t, door, next)
})

t.test(
  'replies without codes, with codes that differ, without end, of a thousand lines, with bare LF',
  async (t) => {
    const { next, door } = await open(t)
    const reply =
      (text: string | Buffer): Script =>
      (verb) =>
        verb === 'VRFY' ? Buffer.from(text) : undefined
    const ask = async (text: string) => {
      next.script = reply(text)
      const client = await door.call()
      await client.say('EHLO client.example.org')
      const said = await client.say('VRFY x')
      await client.close()
      return said
    }
    for (const odd of [
      'hello\r\n',
      '\r\n',
      '250-a\r\n550 b\r\n',
      '354 go on\r\n',
      `250 ${'x'.repeat(10_000)}\r\n`,
      '250-more\r\n'.repeat(20_000),
    ]) {
      t.match(await ask(odd), /^451 4\.4\.2 /, odd.slice(0, 20))
    }
    const long = `${Array.from({ length: 999 }, (_, n) => `252-2.0.0 line ${n}`).join('\n')}\n252 2.0.0 end`
    t.equal(await ask(`${long}\n`), long, 'as it was given')
    await stillServes(t, door, next)
  },
)

t.test('a second reply to one command is never taken for one to the next', async (t) => {
  const { next, door } = await open(t)
  next.script = (verb) =>
    verb === 'RCPT' ? '250 2.1.5 ok\r\n354 go on\r\n250 2.0.0 queued' : undefined
  const client = await amidData(door)
  client.write(`${clean}.\r\n`)
  t.match(await client.hear(), /^451 4\.4\.2 /)
  t.equal(next.got.length, 0)
  t.match(door.mailLog.at(-1), /said something that it was not asked/)
})

t.test(
  'over --max-clients the longest silence makes room, else the new one comes again',
  async (t) => {
    const timeouts = { ...standardTimeouts, makesRoomAfter: 200 }
    const { next, door } = await open(t, { maxClients: 2, timeouts })
    const busy = await amidData(door)
    const silent = await door.call()
    const early = await callDoor(door.port)
    t.match(await early.rest(), [/^421 4\.3\.2 too many connections/])
    await wait(250)
    const late = await door.call()
    t.match(await silent.rest(), [/^421 4\.3\.2 silent for too long/])
    t.match(await late.say('NOOP'), /^250 /)
    busy.write(`${clean}.\r\n`)
    t.match(await busy.hear(), /^250 /, 'one amid a message stays')
    t.match(door.log, [/over 2 connections at once \(--max-clients\)/])
    for (const each of [busy, late]) each.socket.destroy()
    while (door.state().clients > 0) await wait(5)
    await stillServes(t, door, next)
  },
)

t.test('while the disk is full mail is put off', async (t) => {
  const { next, door } = await open(t, { settings: { ...settings, TMPDIR: '/nonexistent' } })
  const large = `Subject: x\r\n\r\n${'line of text\r\n'.repeat(20_000)}`
  t.match(await sendThrough(door, large), /^451 4\.3\.0 /)
  t.match(door.mailLog[0], /fault=temp-file/)
  t.equal(next.got.length, 0)
})
