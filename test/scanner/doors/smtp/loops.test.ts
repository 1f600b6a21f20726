import { connect, createServer } from 'node:net'
import t from 'tap'
import { listen } from '../../../programs/host/listen.ts'
import type { Ending } from '../../../programs/host/server.ts'
import { openBetween } from './between.ts'
import { openDoor, sendThrough } from './rig.ts'

/** Next servers that lead back to the door; Postfix as one is in test/programs/smtp/smtp-loops.test.ts. */

/** Forwards all connections at a port to another port, which is named later. */
async function startForward(t: Ending) {
  let calls = 0
  const led = { port: 0, to: 0, calls: () => calls }
  const server = createServer((socket) => {
    calls++
    const other = connect({ host: '127.0.0.1', port: led.to }).on('error', () => {})
    socket.pipe(other).pipe(socket)
  })
  led.port = await listen(t, server)
  return led
}

for (const isLmtp of [false, true]) {
  const name = isLmtp ? 'LMTP' : 'SMTP'
  t.test(`${name}: mail whose next server leads back to the interface is deferred`, async (t) => {
    const forward = await startForward(t)
    const door = await openDoor(t, forward.port, { isLmtp, maxClients: 10 })
    forward.to = door.port
    const client = await door.call()
    t.match(await client.command(`${isLmtp ? 'LHLO' : 'EHLO'} client.example.org`), /^421 /)
    t.ok(forward.calls() <= 11, `${forward.calls()} connections`)
    t.match(door.log, [/over 10 connections at once \(--max-clients\)/])
    await client.close()
  })
}

// promise: rule-10-loops
t.test('mail of two interfaces that lead to each other is deferred', async (t) => {
  const forward = await startForward(t)
  const first = await openDoor(t, forward.port, { maxClients: 10 })
  const second = await openDoor(t, first.port, { maxClients: 10 })
  forward.to = second.port
  const client = await first.call()
  t.match(await client.command('EHLO client.example.org'), /^421 /)
  t.ok(forward.calls() <= 11, `${forward.calls()} connections`)
  await client.close()
})

// promise: rule-10-loops
t.test('50 Received fields are too many hops, except after the queue', async (t) => {
  const round = (count: number) => `${'Received: x\r\n'.repeat(count)}Subject: x\r\n\r\nhello\r\n`
  const { door } = await openBetween(t)
  t.match(await sendThrough(door, round(49)), /^250 /)
  const refusal = '550 5.4.6 too many hops: 50 Received fields, a mail loop'
  t.equal(await sendThrough(door, round(50)), refusal)
  t.match(door.mailLog.at(-1), /decision=reject .*grounds=too-many-hops /)
  const after = await openBetween(t, { isQueued: true })
  t.match(await sendThrough(after.door, round(50)), /^250 /, 'the server behind reports it')
})
