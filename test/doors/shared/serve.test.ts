import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { longestIdle, type ServedConnection, serve } from '../../../src/doors/shared/serve.ts'
import { socketDirectory } from '../../programs/socket-directory.ts'

/** What all doors do with connections: count, tick, and close. */

class Served implements ServedConnection {
  readonly calls: string[] = []
  readonly socket: Socket
  readonly #closed: () => void
  constructor(socket: Socket, closed: () => void) {
    this.socket = socket.resume()
    this.#closed = closed
  }
  end(): void {
    if (!this.socket.destroyed) this.#closed()
    this.socket.destroy()
  }
  tick = () => void this.calls.push('tick')
  finish = () => void this.calls.push('finish')
  dismiss = () => {
    this.calls.push('dismiss')
    this.end()
  }
}

/** A door that takes clients until it has `most`, and a client of it. */
async function rig(t: Test, most: number, maxSockets?: number) {
  const served: Served[] = []
  const log: string[] = []
  const door = serve<Served>({
    every: 5,
    maxSockets,
    memory: () => 7,
    log: (line) => log.push(line),
    accept(socket, others, closed) {
      if (others.size >= most) return void socket.end('full')
      served.push(new Served(socket, closed))
      return served.at(-1)
    },
  })
  const path = join(socketDirectory(t), 's')
  door.server.listen(path)
  await once(door.server, 'listening')
  t.teardown(() => {
    for (const connection of served) connection.end()
    door.server.close()
  })
  const call = async () => {
    const client = connect({ path, allowHalfOpen: true })
    t.teardown(() => client.destroy())
    await once(client, 'connect')
    return client
  }
  /** Resolves when so many are served. */
  const serves = async (count: number) => {
    while (served.length < count) await new Promise(setImmediate)
  }
  return { door, served, log, call, serves }
}

t.test('what came while the process stood still is read before a client is late', async (t) => {
  const { served, call, serves } = await rig(t, 1)
  const client = await call()
  await serves(1)
  const { calls, socket } = served[0]!
  const heard = once(socket, 'data').then(() => calls.push('data'))
  served[0]!.tick = () => {
    calls.push('tick')
    if (calls.length > 1) return
    setImmediate(() => {
      client.write('x')
      const until = performance.now() + 50
      while (performance.now() < until);
    })
  }
  await heard
  t.same(calls, ['tick', 'data'])
})

t.test('connections are served until they end, and others are turned away', async (t) => {
  const { door, served, call, serves } = await rig(t, 2, 3)
  const clients = [await call(), await call()]
  await serves(2)
  t.equal(String((await once(await call(), 'data'))[0]), 'full')
  const fourth = await call()
  await once(fourth.resume(), 'end')
  t.same(door.state(), { clients: 2, memory: 7 })
  while (served.some(({ calls }) => calls.length < 2)) await new Promise(setImmediate)
  t.match(served[0]!.calls, ['tick', 'tick'])
  served[0]!.end()
  t.equal(door.state().clients, 1)
  const ticks = served[0]!.calls.length
  await once(clients[0]!.resume(), 'end')
  const another = await call()
  await serves(3)
  while (served[2]!.calls.length < 2) await new Promise(setImmediate)
  t.equal(served[0]!.calls.length, ticks, 'who has left is not asked any more')
  another.destroy()
})

t.test(
  'a door that closes waits for its connections, and then tells them to come again',
  async (t) => {
    const { door, served, call, serves } = await rig(t, 2)
    await call()
    await call()
    await serves(2)
    const closed = door.close(3_600_000) // a timer that stayed would hold this process
    for (const { calls } of served) t.equal(calls.at(-1), 'finish')
    t.notOk(door.server.listening)
    served[0]!.end()
    served[1]!.end()
    await closed
    t.same(
      [door.state().clients, served.some(({ calls }) => calls.includes('dismiss'))],
      [0, false],
    )
    const late = await rig(t, 1)
    await late.call()
    await late.serves(1)
    await late.door.close(1)
    t.equal(late.served[0]!.calls.at(-1), 'dismiss')
    const nobody = await rig(t, 1)
    await nobody.door.close(3_600_000)
  },
)

t.test('trouble of a listening socket is logged', async (t) => {
  const { door, log } = await rig(t, 1)
  door.server.emit('error', new Error('EMFILE'))
  t.same(log, ['EMFILE'])
})

t.test('of several idle connections the one is found that is idle for longest', async (t) => {
  const [busy, early, late] = [{ idleSince: undefined }, { idleSince: 3 }, { idleSince: 8 }]
  t.equal(longestIdle([busy, late, early]), early)
  t.equal(longestIdle([early, late], 4), early)
  t.equal(longestIdle([late, busy], 8), undefined, 'not since before that')
  t.equal(longestIdle([busy]), undefined)
})
