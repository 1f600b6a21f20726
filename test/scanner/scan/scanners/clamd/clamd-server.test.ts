import t, { type Test } from 'tap'
import { readClamdAddress } from '../../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../../../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import { numbered, standIn } from './stand-in.ts'
import { sample, scanTask } from './task.ts'

/** What a server of clamd knows about itself: whether it fails, and since when nothing reaches it. */

const small = sample(Buffer.from('From: a@example.org\n\nHello\n'))

/** A server whose clock stands still. */
async function open(t: Test) {
  const clamd = await standIn(t, numbered('stream: OK'))
  const changes: string[] = []
  const clock = { now: 1000 }
  const server = new ClamdServer(readClamdAddress(clamd.socket), {
    isLasting: false,
    uptime: () => clock.now,
    onChange: (state) => changes.push(state),
  })
  const scan = async () => (await server.scan([small], scanTask().task)).kind
  return { clamd, server, clock, changes, scan }
}

/** Milliseconds. */
const PAUSES = { first: 2_000, longest: 60_000 }

t.test('a server is backed off longer after each failure, until it answers', async (t) => {
  const { server, clock, scan } = await open(t)
  const failFor = () => {
    server.failed()
    const began = clock.now
    while (server.isBackedOff) clock.now += 1000
    return clock.now - began
  }
  t.same([failFor(), failFor(), failFor()], [PAUSES.first, 2 * PAUSES.first, 4 * PAUSES.first])
  for (let i = 0; i < 10; i++) failFor()
  t.equal(failFor(), PAUSES.longest)
  t.equal(await scan(), 'answered')
  t.equal(failFor(), PAUSES.first)
})

t.test('messages that fail at the same time are one failure of the server', async (t) => {
  const { server, clock } = await open(t)
  for (let i = 0; i < 100; i++) server.failed()
  clock.now += PAUSES.first
  t.notOk(server.isBackedOff)
})

t.test('a server is missing from the first failed connection until it answers', async (t) => {
  const { clamd, server, clock, scan } = await open(t)
  clamd.die()
  t.equal(await scan(), 'unreachable')
  t.ok(server.isBackedOff)
  t.equal(server.missingFor, 0)
  clock.now += 1000
  t.equal(await scan(), 'unreachable')
  t.equal(server.missingFor, 1000)
  clamd.revive()
  t.equal(await scan(), 'answered')
  t.notOk(server.isBackedOff)
  t.equal(server.missingFor, 0)
  clamd.die()
  t.equal(await scan(), 'unreachable')
  clock.now += 500
  t.equal(server.missingFor, 500)
  server.failed() // it took the connection, so it was there
  t.equal(server.missingFor, 0)
})

t.test('a slow server is backed off, unless its caller has stopped waiting', async (t) => {
  const clamd = await standIn(t, () => {})
  const server = new ClamdServer(readClamdAddress(clamd.socket), { isLasting: false })
  const left = scanTask()
  const abandoned = server.scan([small], left.task)
  while (clamd.asked.length === 0) await new Promise(setImmediate)
  left.abort()
  t.equal((await abandoned).kind, 'timed-out')
  t.notOk(server.isBackedOff)
  const keepAlive = setTimeout(() => {}, 60_000)
  t.equal((await server.scan([small], scanTask(20).task)).kind, 'timed-out')
  clearTimeout(keepAlive)
  t.ok(server.isBackedOff)
})

t.test('a server is reported once when it fails, and once when it answers again', async (t) => {
  const { clamd, server, changes, scan } = await open(t)
  await scan()
  t.same(changes, [])
  clamd.die()
  await scan()
  await scan()
  server.failed()
  t.same(changes, ['fails'])
  clamd.revive()
  await scan()
  await scan()
  t.same(changes, ['fails', 'answers'])
})
