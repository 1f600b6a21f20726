import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { Budget } from '../../../../src/base/flow/memory-budget.ts'
import { milterTimeouts } from '../../../../src/scanner/doors/milter/milter-services.ts'
import { packet } from '../../../../src/scanner/protocol/milter/packets.ts'
import { plain } from '../../../cases/messages.ts'
import { memoryInUse } from '../memory-in-use.ts'
import { scanning } from './eicar.ts'
import { call, type Line, negotiate, packets, probeSocket } from './mta.ts'
import { openMilter } from './rig.ts'

const CONNECTIONS_MAX = 1000

/** Clients that may connect, but attack. */

const MIB = 1024 * 1024

/** Opens this many connections that send nothing. */
async function silent(t: Test, place: string, count: number): Promise<Socket[]> {
  const open = async () => {
    const socket = connect(place)
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    socket.on('error', () => {})
    return socket.resume()
  }
  const sockets: Socket[] = []
  while (sockets.length < count) {
    sockets.push(
      ...(await Promise.all(Array.from({ length: Math.min(100, count - sockets.length) }, open))),
    )
  }
  return sockets
}

// promise: memory-and-time
t.test('a thousand silent connections keep new ones out for ten seconds at most', async (t) => {
  t.equal(milterTimeouts.negotiation, 10_000)
  const milter = await openMilter(t, scanning, { timeouts: { progressAfter: 100 } })
  const idle = await milter.connect() // an ordinary one of the MTA's
  await silent(t, milter.socket, CONNECTIONS_MAX - 1)
  t.equal((await idle.submit({ message: plain })).outcome, 'delivered')
  t.equal((await milter.submit({ message: plain })).outcome, 'delivered')
  t.same(milter.log, ['milter: over 1000 connections at once; others wait'])
})

// promise: memory-and-time
t.test('990 unfinished packets of 1 MB take no more memory than there is', async (t) => {
  const budget = new Budget(64 * MIB)
  const milter = await openMilter(t, scanning, { budget })
  const idle = await milter.connect()
  const unfinished = packets.field('Subject', 'x'.repeat(MIB)).subarray(0, MIB - 1000)
  let most = 0
  let left = 0
  for (let i = 0; i < 990; i++) {
    const line = await call(milter.socket)
    t.teardown(() => line.socket.destroy())
    line.socket.on('close', () => left++)
    await negotiate(line)
    line.write(packets.connect(), packets.mail('a@example.org'), unfinished)
    most = Math.max(most, budget.used)
  }
  // What was sent has come when the filter has closed all that it has no memory for.
  const room = Math.floor((64 * MIB) / unfinished.length)
  while (left < 990 - room) {
    await probeSocket(milter.socket)
    most = Math.max(most, budget.used)
  }
  t.comment(`${(most / MIB).toFixed(1)} MiB were charged at most`)
  t.ok(most <= 64 * MIB)
  const small = await idle.submit({ message: plain })
  t.equal(small.outcome, 'delivered', 'a message in whole packets needs none of it')
})

t.test(
  'an MTA that has stopped in the middle of a packet gives its memory back by time',
  async (t) => {
    const budget = new Budget(8 * MIB)
    const timeouts = { progressAfter: 20, stalled: 500 }
    const milter = await openMilter(t, scanning, { budget, timeouts })
    const unfinished = packets.field('Subject', 'x'.repeat(MIB)).subarray(0, 900_000)
    const stopped = await Promise.all([1, 2, 3, 4, 5].map(() => milter.connect()))
    for (const line of stopped) line.write(packets.mail('a@example.org'), unfinished)
    for (const line of stopped)
      t.equal((await line.hear())?.command, 't', 'its message is deferred')
    const message = Buffer.from(`Subject: ${'y'.repeat(900_000)}\n\nbody\n`)
    t.equal((await milter.submit({ message })).outcome, 'delivered')
    t.equal(budget.used, 0)
  },
)

t.test('bytes that come while an answer is awaited are charged, too', async (t) => {
  const budget = new Budget(MIB)
  const ask = () => new Promise<never>(() => {})
  const milter = await openMilter(t, scanning, {
    budget,
    quota: { ask, asksForRelayClients: true },
  })
  const line = await milter.connect()
  line.write(packets.mail('a@example.org'), packets.recipient('b@example.org'))
  line.write(Buffer.alloc(50_000))
  while (budget.used < 50_000) await probeSocket(milter.socket)
  line.socket.destroy()
  while (budget.used > 0) await probeSocket(milter.socket)
  t.pass('and given back when the MTA has gone')
})

t.test('macros and names that an MTA sends take no memory', async (t) => {
  const milter = await openMilter(t, scanning)
  const values = Array.from({ length: 60 }, (_, n) => `{x${n}}\0${'v'.repeat(1000)}\0`).join('')
  const lines: Line[] = []
  for (let i = 0; i < 200; i++) lines.push(await milter.connect())
  const before = await memoryInUse()
  for (const line of lines) {
    for (const stage of 'CHMRT') line.write(packet('D', Buffer.from(`${stage}${values}`)))
    line.write(packets.mail('a@example.org'), packets.recipient('b@example.org'), packets.data)
    t.equal((await line.hear())?.command, 'c', 'all of it has been heard')
  }
  t.same(milter.log, [])
  const grown = (await memoryInUse()) - before
  // What was sent would be 60 MiB.
  t.ok(grown < 30 * MIB, `${lines.length} connections: ${(grown / MIB).toFixed(1)} MiB more`)
})
