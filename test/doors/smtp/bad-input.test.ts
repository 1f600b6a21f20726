import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { defaultTimeouts } from '../../../src/doors/smtp/client/connection.ts'
import { Network } from '../../../src/ground/net/ip-address.ts'
import { buildStage } from '../../cases/stage.ts'
import { type Client, callDoor } from './client.ts'
import { type Setup, sendThrough } from './rig.ts'
import { amidData, clean, openBetween, stillServes } from './trouble.ts'

/** Clients that are broken, slow, gone or hostile; next servers are in bad-next-server.test.ts. */

const stage = buildStage(t)
const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1' }
const open = (t: Test, setup: Setup = {}) => openBetween(t, { settings, ...setup })

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

t.test('a line that is too long, empty or of odd bytes is answered as no command', async (t) => {
  const { next, door } = await open(t)
  const client = await door.call()
  await client.say('EHLO x')
  t.match(await client.say(`NOOP ${'x'.repeat(5000)}`), /^500 5\.5\.2 the line is too long/)
  for (const line of ['', 'NO\0OP', 'NOOP \r x', '\x1b[2J', '   ']) {
    t.match(await client.say(line), /^500 5\.5\.2 not a command/, JSON.stringify(line))
  }
  for (const verb of [
    'BDAT\xa010',
    'BDAT\xa0 10',
    'STARTTLS\xff',
    'N\xd6\xd6P',
    'BDAT,10',
    '"BDAT"',
  ]) {
    t.match(await client.say(verb), /^500 5\.5\.2 not a command/, JSON.stringify(verb))
  }
  t.match(await client.say('NOOP \xff'), /^250 2\.1\.0 next took/, '8-bit goes on as it is')
  t.equal(next.commands.at(-1), 'NOOP \xff')
  t.match(await client.say('MAIL TO:<a>'), /^501 /)
  t.match(await client.say('MAIL FROM:<a@b.example>'), /^250 /)
  t.match(await client.say('RCPT FROM:<a>'), /^501 /)
})

t.test('DATA and RCPT out of order are refused', async (t) => {
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

t.test('commands that come in one packet are carried out in their order', async (t) => {
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

// promise: rule-14-smuggling
t.test(
  'a client that sends on before DATA is answered is hung up on, and nothing that it sent is a command',
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

t.test(
  'a client that waits for no answers gets them in order, without PIPELINING, too',
  async (t) => {
    const { next, door } = await open(t)
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
    client.write(
      'EHLO x.example.org\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@b.example>\r\nQUIT\r\n',
    )
    const replies = await client.rest()
    t.match(replies[1], /^250/)
    t.notMatch(replies[1], 'PIPELINING')
    t.same(replies.slice(2, 4), ['250 2.1.0 alone', '250 2.1.0 alone'])
    t.match(replies[4], /^221 /)
  },
)

t.test(
  'a client that sends byte by byte is served, and one that stops is hung up on',
  async (t) => {
    const timeouts = { ...defaultTimeouts, silence: 200, command: 400, content: 600 }
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
  },
)

t.test(
  'a client may leave in the content, in its end, before the answer or before QUIT: only an answered message is delivered',
  async (t) => {
    const { next, door } = await open(t)
    for (const part of ['Subject', `${clean}.`, `${clean}.\r`]) {
      const client = await amidData(door)
      client.write(part)
      client.socket.destroySoon()
      await client.rest()
    }
    const halfClosed = await amidData(door)
    halfClosed.socket.end(`${clean}.\r`)
    t.match(await halfClosed.rest(), [/^451 4\.3\.0 /], 'it says no more, but still hears')
    const gone = await amidData(door)
    gone.write('Subject: x\r\n\r\nSLOW\r\n.\r\n')
    gone.socket.resetAndDestroy()
    while (door.mailLog.length < 5) await wait(5)
    t.equal(next.got.length, 0, 'nothing is handed on, since nobody was told')
    for (const line of door.mailLog)
      t.match(line, /decision=defer fault=read reason="the (client left|connection ended) before/)
    const polite = await amidData(door)
    polite.write(`${clean}.\r\n`)
    t.match(await polite.hear(), /^250 /)
    polite.socket.destroy()
    await stillServes(t, door, next)
  },
)

t.test(
  'over --max-clients the client that is silent for longest is closed, or else the new one is told to come again',
  async (t) => {
    const timeouts = { ...defaultTimeouts, makesRoomAfter: 200 }
    const { next, door } = await open(t, { maxClients: 2, timeouts })
    const busy = await amidData(door)
    const silent = await door.call()
    const early = await callDoor(door.port)
    t.match(await early.rest(), [/^421 4\.3\.2 too many connections/])
    await wait(250)
    const late = await door.call()
    t.match(await silent.rest(), [/^421 4\.3\.2 no progress for too long/])
    t.match(await late.say('NOOP'), /^250 /)
    busy.write(`${clean}.\r\n`)
    t.match(await busy.hear(), /^250 /, 'one amid the content stays')
    for (const client of [busy, late]) {
      await client.say('RSET')
      await client.say('MAIL FROM:<a@b.example>')
    }
    await wait(250)
    const other = await door.call()
    t.match(
      await busy.rest(),
      [/^421 4\.3\.2 no progress for too long/],
      'MAIL does not hold a place',
    )
    other.socket.destroy()
    t.match(door.log, [/over 2 connections at once \(--max-clients\)/])
    for (const client of [busy, late]) client.socket.destroy()
    while (door.state().clients > 0) await wait(5)
    await stillServes(t, door, next)
  },
)

t.test('over --max-clients those that come no further give way, whatever they send', async (t) => {
  const timeouts = { ...defaultTimeouts, makesRoomAfter: 1000 }
  const { next, door } = await open(t, { maxClients: 4, timeouts })
  const [command, noop, content] = [await door.call(), await door.call(), await amidData(door)]
  const quick = await amidData(door)
  const goOn = [quick]
  const drip = setInterval(() => {
    command.write('x')
    noop.write('NOOP\r\n')
    content.write('x')
    for (const client of goOn) client.write('x'.repeat(8192))
  }, 50)
  t.teardown(() => clearInterval(drip))
  const left: string[] = []
  for (const [name, slow] of Object.entries({ command, noop, content })) {
    slow.rest().then((replies) => left.push(`${name}: ${replies.at(-1)}`))
  }
  quick.socket.once('close', () => left.push('one that goes on'))
  await wait(1500)
  for (let come = 1; come <= 3; come++) {
    const late = await amidData(door) // it throws if there is no room
    goOn.push(late)
    late.socket.once('close', () => left.push('one that came late'))
    while (left.length < come) await wait(5)
  }
  const why = '421 4.3.2 no progress for too long, others wait'
  t.same(left.sort(), [`command: ${why}`, `content: ${why}`, `noop: ${why}`])
  clearInterval(drip)
  quick.write('\r\n.\r\n')
  t.match(await quick.hear(), /^250 /)
  t.equal(next.got.length, 1)
})

t.test('those who are turned away do not hold the door', async (t) => {
  const from = [Network.parse('127.0.0.1/32')!]
  const { door } = await open(t, { maxSockets: 4, maxClients: 2, from })
  for (let n = 0; n < 8; n++) {
    const to = { host: '127.0.0.1', port: door.port, localAddress: '127.0.0.2' }
    const socket = connect({ ...to, allowHalfOpen: true })
    t.teardown(() => socket.destroy())
    const [reply] = (await once(socket, 'data')) as [Buffer]
    t.match(reply.toString(), /^554 /, 'each is told why')
  }
  const clients = [await door.call(), await door.call()]
  for (const client of clients) t.match(await client.say('EHLO x'), /^250/, 'there is room')
  t.match(await (await callDoor(door.port)).hear(), /^421 4\.3\.2 too many connections/)
})

t.test('who is turned away and sends on is cut off', async (t) => {
  const { door } = await open(t, { from: [Network.parse('127.0.0.1/32')!] })
  const to = { host: '127.0.0.1', port: door.port, localAddress: '127.0.0.2' }
  const socket = connect({ ...to, allowHalfOpen: true }).resume()
  t.teardown(() => socket.destroy())
  await once(socket, 'end')
  const drip = setInterval(() => socket.write('x'), 20)
  t.teardown(() => clearInterval(drip))
  await once(socket, 'error') // the drop finds the connection closed
})

t.test('over --max-clients those that begin mail again and again give way', async (t) => {
  const timeouts = { ...defaultTimeouts, makesRoomAfter: 1500 }
  const { next, door } = await open(t, { maxClients: 5, timeouts })
  let isOver = false
  t.teardown(() => {
    isOver = true
  })
  /** Says these again and again; resolves to the reply by which the door leaves. */
  async function repeat(client: Client, ...lines: readonly string[]): Promise<string> {
    await client.say('EHLO x')
    for (let at = 0; !isOver; at++) {
      const reply = await client.say(lines[at % lines.length]!)
      if (reply.startsWith('421')) return reply
      await wait(5)
    }
    return 'stays'
  }
  const [mail, rcpt] = ['MAIL FROM:<a@b.example>', 'RCPT TO:<b@b.example>']
  const loops = [
    [mail, 'RSET'],
    [mail, rcpt, 'RSET'],
    [mail, 'VRFY b', 'EHLO x'],
    [mail, rcpt, 'DATA', 'VIRUS\r\n.'],
  ]
  const closed: string[] = []
  for (const loop of loops) {
    repeat(await door.call(), ...loop).then((reply) => closed.push(reply))
  }
  const sends = repeat(await door.call(), mail, rcpt, 'DATA', `${clean}.`)
  for (let calls = 0; calls < 1000 && closed.length < loops.length; calls++) {
    await door.call()
    await wait(10)
  }
  isOver = true
  t.equal(closed.length, loops.length)
  for (const reply of closed) t.match(reply, /^421 4\.3\.2 no progress for too long/)
  t.equal(await sends, 'stays')
  t.ok(next.got.length > 0)
})

t.test('no address has all places while others come', async (t) => {
  const { next, door } = await open(t, { maxClients: 4, from: [Network.parse('127.0.0.0/8')!] })
  const greeted = async (address?: string) => {
    const client = await callDoor(door.port, address)
    t.teardown(() => client.socket.destroy())
    return { client, greeting: await client.hear() }
  }
  const many = []
  for (let n = 0; n < 4; n++) many.push(await amidData(door))
  t.match((await greeted()).greeting, /^421 4\.3\.2 too many connections/, 'it has all itself')
  for (const crowded of many.slice(0, 2)) {
    t.match((await greeted('127.0.0.2')).greeting, /^220 /)
    t.match(await crowded.rest(), [/^421 4\.3\.2 too many of your address/])
  }
  t.match((await greeted('127.0.0.3')).greeting, /^421 /, 'nobody has more than half')
  const [, , third] = many
  third!.write(`${clean}.\r\n`)
  t.match(await third!.hear(), /^250 /)
  t.equal(next.got.length, 1)
})

t.test('the address that counts is the one that the server in front tells', async (t) => {
  const { door } = await open(t, { maxClients: 2 })
  const told = []
  for (let n = 0; n < 2; n++) {
    const client = await door.call()
    await client.say('EHLO x')
    t.match(await client.say(`XFORWARD ADDR=192.0.2.9 PORT=${n}`), /^250 /)
    told.push(client)
  }
  const other = await door.call()
  t.match(await other.say('EHLO x'), /^250/)
  t.match(await told[0]!.rest(), [/^421 4\.3\.2 too many of your address/])
})

t.test('while the disk is full, mail is deferred', async (t) => {
  const { next, door } = await open(t, { settings: { ...settings, TMPDIR: '/nonexistent' } })
  const large = `Subject: x\r\n\r\n${'line of text\r\n'.repeat(20_000)}`
  t.match(await sendThrough(door, large), /^451 4\.3\.0 /)
  t.match(door.mailLog[0], /fault=temp-file/)
  t.equal(next.got.length, 0)
})
