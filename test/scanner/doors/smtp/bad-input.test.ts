import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { smtpTimeouts } from '../../../../src/scanner/doors/smtp/client/smtp-connection.ts'
import { ContentReader } from '../../../../src/scanner/protocol/smtp/smtp-content.ts'
import { clean, openBetween } from './between.ts'
import { callDoor } from './client.ts'
import { at } from './next-server.ts'
import { sendThrough } from './rig.ts'

/** Clients that are broken, slow, gone or hostile; next servers are in bad-next-server.test.ts, and crowds in crowds.test.ts. */

const MAIL = 'MAIL FROM:<a@b.example>'
const RCPT = 'RCPT TO:<b@b.example>'

t.test('a command of 128 KiB without an end closes the connection', async (t) => {
  const { door, stillServes } = await openBetween(t)
  const client = await door.call()
  client.write('x'.repeat(128 * 1024))
  t.match(await client.rest(), [/^421 4\.3\.0 /])
  t.match(door.log, [/a command line that is too long/])
  await stillServes()
})

t.test('a line that is too long, empty or of odd bytes is answered as no command', async (t) => {
  const { next, door } = await openBetween(t)
  const client = await door.greeted()
  t.match(await client.command(`NOOP ${'x'.repeat(5000)}`), /^500 5\.5\.2 the line is too long/)
  for (const line of [
    ...['', 'NO\0OP', 'NOOP \r x', '\x1b[2J', '   '],
    ...['BDAT\xa010', 'BDAT\xa0 10', 'STARTTLS\xff', 'N\xd6\xd6P', 'BDAT,10', '"BDAT"'],
  ]) {
    t.match(await client.command(line), /^500 5\.5\.2 not a command/, JSON.stringify(line))
  }
  t.match(await client.command('NOOP \xff'), /^250 2\.1\.0 next took/, '8-bit goes on as it is')
  t.equal(next.commands.at(-1), 'NOOP \xff')
  t.match(await client.command('MAIL TO:<a>'), /^501 /)
  t.match(await client.command(MAIL), /^250 /)
  t.match(await client.command('RCPT FROM:<a>'), /^501 /)
})

t.test('the PROXY protocol is refused by its name', async (t) => {
  const { door, stillServes } = await openBetween(t)
  for (const start of [
    'PROXY TCP4 192.0.2.7 192.0.2.8 5 25\r\nEHLO x\r\n',
    'PROXY UNKNOWN\r\n',
    '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c',
  ]) {
    const client = await door.call()
    client.write(start)
    const replies = await client.rest()
    t.match(replies.at(-1), /^554 5\.5\.1 the PROXY protocol is not supported here/, start)
    t.match(door.log.at(-1), /the PROXY protocol is not supported here; switch it off/)
  }
  const client = await door.greeted()
  t.match(await client.command('PROXY TCP4'), /next took/, 'only at the beginning')
  await stillServes()
})

t.test('DATA and RCPT out of order are refused', async (t) => {
  const { next, door } = await openBetween(t)
  const client = await door.greeted()
  t.match(await client.command('DATA'), /^503 /)
  t.match(await client.command(RCPT), /^503 /)
  t.match(await client.command(MAIL, 'DATA'), /^554 5\.5\.1 no valid recipients/)
  t.match(await client.command('DATA now'), /^501 /)
  t.match(await client.command(RCPT, 'RSET', 'DATA'), /^503 /)
  for (const over of ['EHLO x', 'XCLIENT ADDR=192.0.2.7']) {
    t.match(await client.command(MAIL, RCPT, over, 'DATA'), /^503 /, over)
  }
  next.script = at('MAIL', '550 5.7.1 no')
  t.match(await client.command(MAIL, RCPT), /^503 /)
  t.equal(door.state().memory, 0)
  next.script = undefined
  await client.command(MAIL, RCPT)
  next.script = at('MAIL', '503 5.5.1 nested')
  t.match(await client.command(MAIL), /^503 5\.5\.1 nested/)
  next.script = at('RCPT', '550 5.1.1 nobody')
  t.match(await client.command(RCPT), /^550 /)
  t.notOk(next.commands.includes('DATA'))
  t.match(await client.command('DATA'), /^354 /, 'the message before goes on')
  t.match(await client.command(`${clean}.`), /^250 2\.0\.0 next queued it as 1 for 1/)
  t.equal(door.state().memory, 0)
})

t.test('commands that come in one packet are carried out in their order', async (t) => {
  const { next, door } = await openBetween(t)
  const client = await door.greeted()
  client.write(`RSET\r\n${MAIL}\r\n${RCPT}\r\nRCPT TO:<c@b.example>\r\nDATA\r\n`)
  t.match(await client.hears(5), [/^250/, /^250/, /^250/, /^250/, /^354/])
  client.write(`${clean}.\r\n${MAIL}\r\nRSET\r\nQUIT\r\n`)
  t.match(await client.rest(), [/^250 2\.0\.0 next queued/, /^250 /, /^250 /, /^221 /])
  t.same(next.got[0]?.recipients, ['b@b.example', 'c@b.example'])
})

// promise: rule-14-smuggling
t.test('nothing that a client sends before the answer to DATA is a command', async (t) => {
  const { next, door, stillServes } = await openBetween(t)
  const client = await door.greeted()
  client.write(`${MAIL}\r\n${RCPT}\r\nDATA\r\n${clean}.\r\nVRFY x\r\n`)
  t.match(await client.rest(), [/^250 /, /^250 /, /^554 5\.5\.0 /], 'and it is hung up on')
  t.equal(next.got.length, 0)
  t.notOk(next.commands.includes('VRFY x'))
  t.same(door.log, ['smtp: 127.0.0.1 sent content before the reply to DATA'])
  await stillServes()
})

// promise: rule-14-smuggling
t.test(
  'a client that sends chunks is disconnected, since they would be read as commands',
  async (t) => {
    const { next, door, stillServes } = await openBetween(t)
    const client = await door.greeted(MAIL, RCPT)
    client.write('BDAT 8 LAST\r\nVRFY x\r\n')
    t.match(await client.rest(), [/^521 5\.5\.1 /])
    t.notOk(next.commands.includes('VRFY x'))
    await stillServes()
  },
)

t.test(
  'a client that does not wait for answers gets them in order, even without PIPELINING',
  async (t) => {
    const { next, door } = await openBetween(t)
    next.extensions = []
    let asked = 0
    // A server that takes one command at a time, and forgets what comes before its answer.
    next.script = (verb, _, socket) => {
      asked++
      if (verb !== 'MAIL' && verb !== 'RCPT') return undefined
      const before = asked
      setTimeout(() => socket.write(asked === before ? '250 2.1.0 alone\r\n' : '500 two\r\n'), 30)
      return 'silence'
    }
    const client = await callDoor(door.port)
    client.write(`EHLO x.example.org\r\n${MAIL}\r\n${RCPT}\r\nQUIT\r\n`)
    const replies = await client.rest()
    t.match(replies[1], /^250/)
    t.notMatch(replies[1], 'PIPELINING')
    t.match(replies.slice(2), ['250 2.1.0 alone', '250 2.1.0 alone', /^221 /])
  },
)

t.test(
  'a client that sends byte by byte is served, and one that stops is disconnected',
  async (t) => {
    const timeouts = { ...smtpTimeouts, silence: 200, command: 400, content: 600 }
    const { next, door, stillServes } = await openBetween(t, { timeouts })
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
    const halfway = await door.amidData()
    halfway.write('Subject: x\r\n')
    t.match(await halfway.hear(), /^421 4\.4\.2 /)
    const dripping = await door.amidData()
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
    await stillServes()
  },
)

t.test('only an answered message is delivered, wherever its client leaves', async (t) => {
  const { next, door, stillServes } = await openBetween(t)
  for (const part of ['Subject', `${clean}.`, `${clean}.\r`]) {
    const client = await door.amidData()
    client.write(part)
    client.socket.destroySoon()
    await client.rest()
  }
  const halfClosed = await door.amidData()
  halfClosed.socket.end(`${clean}.\r`)
  t.match(await halfClosed.rest(), [/^451 4\.3\.0 /], 'it sends no more, but still reads')
  const gone = await door.sent('Subject: x\r\n\r\nSLOW\r\n')
  gone.socket.resetAndDestroy()
  while (door.mailLog.length < 5) await wait(5)
  t.equal(next.got.length, 0, 'nothing is handed on, since nobody was answered')
  for (const line of door.mailLog)
    t.match(
      line,
      /decision=defer fault=read reason="the (client disconnected|connection ended) before/,
    )
  const polite = await door.sent(clean)
  t.match(await polite.hear(), /^250 /)
  polite.socket.destroy()
  await stillServes()
})

t.test('if receiving content fails, its rest is not read as commands', async (t) => {
  const { next, door, stillServes, over } = await openBetween(t)
  const { push } = ContentReader.prototype
  const client = await door.amidData()
  ContentReader.prototype.push = () => {
    throw new Error('a bug')
  }
  t.teardown(() => {
    ContentReader.prototype.push = push
  })
  client.write(`${clean}VRFY x\r\n`)
  t.match(await client.hear(), /^421 /)
  client.write('VRFY x\r\n.\r\nVRFY x\r\n')
  t.same(await client.rest(), [])
  await over()
  t.notOk(next.commands.includes('VRFY x'))
  ContentReader.prototype.push = push
  await stillServes()
})

t.test('while the disk is full, mail is deferred', async (t) => {
  const { next, door } = await openBetween(t, { settings: { TMPDIR: '/nonexistent' } })
  const large = `Subject: x\r\n\r\n${'line of text\r\n'.repeat(20_000)}`
  t.match(await sendThrough(door, large), /^451 4\.3\.0 /)
  t.match(door.mailLog[0], /fault=temp-file/)
  t.equal(next.got.length, 0)
})
