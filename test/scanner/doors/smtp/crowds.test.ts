import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { Network } from '../../../../src/base/net/ip-address.ts'
import { Progress } from '../../../../src/scanner/doors/smtp/client/progress.ts'
import { smtpTimeouts } from '../../../../src/scanner/doors/smtp/client/smtp-connection.ts'
import { clean, openBetween } from './between.ts'
import { type Client, callDoor } from './client.ts'

/** More clients at once than --max-clients; those that take their time are in no-progress.test.ts. */

t.test(
  'while all clients are active, a new one is asked to retry, which is logged once',
  async (t) => {
    const { door, over, stillServes } = await openBetween(t, { maxClients: 1 })
    for (const _ of ['crowded', 'crowded again']) {
      const first = await door.greeted()
      for (const _ of ['second', 'third']) {
        const late = await callDoor(door.port)
        t.match(await late.rest(), [/^421 4\.3\.2 too many connections/])
      }
      await first.close()
      await over()
    }
    const line = 'smtp: over 1 connections at once (--max-clients); another was deferred'
    t.same(door.log, [line, line])
    await stillServes()
  },
)

t.test('one during the content makes room only if all others are, too', async (t) => {
  const timeouts = { ...smtpTimeouts, makesRoomAfter: 0 }
  const { next, door } = await openBetween(t, { maxClients: 2, timeouts })
  const [content, idle] = [await door.amidData(), await door.call()]
  const second = await door.amidData()
  const reason = '421 4.3.2 no progress for too long, and others are waiting'
  t.same(await idle.rest(), [reason])
  second.write('x'.repeat(5000))
  const third = await door.call()
  t.same(await content.rest(), [reason])
  t.match(await second.command(`\r\n${clean}.`), /^250 /)
  t.equal(await third.command('NOOP'), '250 2.0.0 Ok')
  t.equal(next.got.length, 1)
  t.same(door.log, ['smtp: over 2 connections at once (--max-clients); one of them was closed'])
})

t.test('steps forward are what a session has not reached since its last message', async (t) => {
  let now = 0
  const progress = new Progress(() => now)
  t.equal(progress.idleSince, undefined, 'it does not wait for its client')
  /** Returns for how long it has come no further, after this and five more moments of waiting. */
  const idleAfter = (step: () => void) => {
    now += 100 // in which the client waits
    step()
    progress.awaits()
    now += 5
    const idle = now - progress.idleSince!
    progress.goesOn()
    return idle
  }
  for (const [what, step, idle] of [
    ['anything', () => {}, 5],
    ['anything else', () => {}, 10],
    ['MAIL', () => progress.reached(0), 5],
    ['a recipient', () => progress.reached(1), 5],
    ['MAIL again', () => progress.reached(0), 10],
    ['that recipient', () => progress.reached(1), 15],
    ['one more', () => progress.reached(2), 5],
    ['DATA', () => progress.reachedContent(), 5],
    ['content', () => progress.read(4095), 10],
    ['4 KiB of it', () => progress.read(1), 5],
    ['more', () => progress.read(4095), 10],
    ['a recipient behind a refusal', () => progress.reached(3), 15],
    ['DATA again', () => progress.reachedContent(), 20],
    ['4 KiB of two messages', () => progress.read(1), 5],
    ['a message that is taken', () => progress.accepted(), 5],
    ['MAIL of the next one', () => progress.reached(0), 5],
  ] as const) {
    t.equal(idleAfter(step), idle, what)
  }
})

const from = [Network.parse('127.0.0.1/32')!]

t.test('refused clients use no slot', async (t) => {
  const { door } = await openBetween(t, { maxSockets: 4, maxClients: 2, from })
  const to = { host: '127.0.0.1', port: door.port, localAddress: '127.0.0.2', allowHalfOpen: true }
  for (let n = 0; n < 8; n++) {
    const socket = connect(to)
    t.teardown(() => socket.destroy())
    const [reply] = (await once(socket, 'data')) as [Buffer]
    t.match(reply.toString(), /^554 /, 'each receives the reason')
  }
  for (let n = 0; n < 2; n++) await door.greeted() // there is room
  t.match(await (await callDoor(door.port)).hear(), /^421 4\.3\.2 too many connections/)
  const sendsOn = connect(to).resume()
  t.teardown(() => sendsOn.destroy())
  await once(sendsOn, 'end')
  const drip = setInterval(() => sendsOn.write('x'), 20)
  t.teardown(() => clearInterval(drip))
  await once(sendsOn, 'error') // the drop finds the connection closed
})

t.test('no address has all places while others come', async (t) => {
  const { next, door } = await openBetween(t, { maxClients: 4 })
  const greeting = async (address?: string) => {
    const client = await callDoor(door.port, address)
    t.teardown(() => client.socket.destroy())
    return client.hear()
  }
  const many: Client[] = []
  for (let n = 0; n < 4; n++) many.push(await door.amidData())
  t.match(await greeting(), /^421 4\.3\.2 too many connections/, 'it has all itself')
  for (const crowded of many.slice(0, 2)) {
    t.match(await greeting('127.0.0.2'), /^220 /)
    t.match(await crowded.rest(), [/^421 4\.3\.2 too many connections from your address/])
  }
  t.match(await greeting('127.0.0.3'), /^421 /, 'nobody has more than half')
  many[2]!.write(`${clean}.\r\n`)
  t.match(await many[2]!.hear(), /^250 /)
  t.equal(next.got.length, 1)
})

t.test('the address of the upstream server counts', async (t) => {
  const { door } = await openBetween(t, { maxClients: 2 })
  const forwarded = await door.greeted('XFORWARD ADDR=192.0.2.9 PORT=0')
  await door.greeted('XFORWARD ADDR=192.0.2.9 PORT=1')
  await door.greeted()
  t.match(await forwarded.rest(), [/^421 4\.3\.2 too many connections from your address/])
})
