import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { smtpTimeouts } from '../../../../src/scanner/doors/smtp/client/smtp-connection.ts'
import { clean, openBetween } from './between.ts'
import { type Client, callDoor } from './client.ts'

/** Which of too many clients make room for others: it takes time to come no further. */

const MAIL = 'MAIL FROM:<a@b.example>'
const RCPT = 'RCPT TO:<b@b.example>'

t.test(
  'over --max-clients the client that is silent for longest is closed, or else the new one',
  async (t) => {
    const timeouts = { ...smtpTimeouts, makesRoomAfter: 60_000 }
    let passed = 0
    const uptime = () => performance.now() + passed
    const { door, over, stillServes } = await openBetween(t, { maxClients: 2, timeouts, uptime })
    const busy = await door.amidData()
    const silent = await door.call()
    const early = await callDoor(door.port)
    t.match(await early.rest(), [/^421 4\.3\.2 too many connections/])
    passed += 61_000
    const late = await door.call()
    t.match(await silent.rest(), [/^421 4\.3\.2 no progress for too long/])
    t.match(await late.command('NOOP'), /^250 /)
    busy.write(`${clean}.\r\n`)
    t.match(await busy.hear(), /^250 /, 'one amid the content stays')
    for (const client of [busy, late]) await client.command('RSET', MAIL)
    passed += 61_000
    const other = await door.call()
    t.match(await busy.rest(), [/^421 4\.3\.2 no progress/], 'MAIL does not hold a place')
    t.match(door.log, [/over 2 connections at once \(--max-clients\)/])
    for (const client of [busy, late, other]) client.socket.destroy()
    await over()
    await stillServes()
  },
)

t.test('over --max-clients clients without progress give way, whatever they send', async (t) => {
  const timeouts = { ...smtpTimeouts, makesRoomAfter: 1000 }
  const { next, door } = await openBetween(t, { maxClients: 4, timeouts })
  const [command, noop, content] = [await door.call(), await door.call(), await door.amidData()]
  const quick = await door.amidData()
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
    const late = await door.amidData() // it throws if there is no room
    goOn.push(late)
    late.socket.once('close', () => left.push('one that came late'))
    while (left.length < come) await wait(5)
  }
  const reason = '421 4.3.2 no progress for too long, and others are waiting'
  t.same(left.sort(), [`command: ${reason}`, `content: ${reason}`, `noop: ${reason}`])
  clearInterval(drip)
  quick.write('\r\n.\r\n')
  t.match(await quick.hear(), /^250 /)
  t.equal(next.got.length, 1)
})

t.test('over --max-clients clients that begin mail again and again give way', async (t) => {
  const timeouts = { ...smtpTimeouts, makesRoomAfter: 1500 }
  const settings = { REJECTVIRUS: '1' }
  const { next, door } = await openBetween(t, { maxClients: 5, timeouts, settings })
  let isOver = false
  t.teardown(() => {
    isOver = true
  })
  /** Sends these again and again; resolves to the reply by which the door leaves. */
  async function repeat(client: Client, ...lines: readonly string[]): Promise<string> {
    await client.command('EHLO x')
    for (let at = 0; !isOver; at++) {
      const reply = await client.command(lines[at % lines.length]!)
      if (reply.startsWith('421')) return reply
      await wait(5)
    }
    return 'stays'
  }
  const loops = [
    [MAIL, 'RSET'],
    [MAIL, RCPT, 'RSET'],
    [MAIL, 'VRFY b', 'EHLO x'],
    [MAIL, RCPT, 'DATA', 'VIRUS\r\n.'],
  ]
  const closed: string[] = []
  for (const loop of loops) {
    repeat(await door.call(), ...loop).then((reply) => closed.push(reply))
  }
  const sends = repeat(await door.call(), MAIL, RCPT, 'DATA', `${clean}.`)
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
