import '../../needs-addon.ts'
import { once } from 'node:events'
import { connect, type ListenOptions, Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { longestIdle, longestSilent } from '../../../src/base/protocol/connection/idle.ts'
import { queueTrouble } from '../../../src/scanner/serving/connection-queue.ts'
import { type ServedConnection, serve } from '../../../src/scanner/serving/serve.ts'
import { sendAndReset } from '../../programs/host/send-and-reset.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'

/** What all doors do with connections: count, tick, and close. */

class Served implements ServedConnection {
  readonly calls: string[] = []
  readonly socket: Socket
  hasHungUp = false
  idleSince: number | undefined = 0
  readonly #closed: () => void
  constructor(socket: Socket, closed: () => void) {
    this.socket = socket
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
async function rig(
  t: Test,
  most: number,
  options: Partial<Parameters<typeof serve<Served>>[0]> = {},
  where: ListenOptions & { readonly path?: string } = { path: join(socketDirectory(t), 's') },
) {
  const served: Served[] = []
  const log: string[] = []
  const door = serve<Served>({
    configure: () => {},
    every: 5,
    maxConnections: most,
    maxSockets: undefined,
    memory: () => 7,
    log: (line) => log.push(line),
    ...options,
    accept({ socket }, _, closed) {
      served.push(new Served(options.startsPaused ? socket : socket.resume(), closed))
      return served.at(-1)
    },
  })
  await queueTrouble() // as a worker does before it listens
  const { path = '' } = where
  door.server.listen(where)
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
  return { door, served, log, path, call, serves }
}

t.test('a client that has reset its connection before it is accepted is not served', async (t) => {
  for (const [kind, where] of [
    ['tcp', { port: 0, host: '127.0.0.1' }],
    ['unix', { path: join(socketDirectory(t), 's') }],
  ] as const) {
    const { door, served, serves } = await rig(t, 10, {}, where)
    const address = door.server.address()
    const at = typeof address === 'string' ? address : address!.port
    sendAndReset(at, 'QUIT\n') // this process accepts nothing meanwhile
    const last = typeof at === 'string' ? connect(at) : connect(at, '127.0.0.1')
    await once(last, 'connect')
    const expected = kind === 'unix' ? 2 : 1 // a unix socket has no addresses, and a client there cannot reset
    await serves(expected)
    await new Promise(setImmediate)
    t.equal(served.length, expected, kind)
    last.destroy()
  }
})

t.test(
  'data that arrived while the process was blocked is read before a client times out',
  async (t) => {
    const { served, call, serves } = await rig(t, 1)
    const client = await call()
    await serves(1)
    const { calls, socket } = served[0]!
    const heard = once(socket, 'data').then(() => calls.push('data'))
    served[0]!.tick = () => {
      served[0]!.tick = () => void calls.push('tick')
      setTimeout(() => {
        client.write('x')
        const until = performance.now() + 50
        while (performance.now() < until);
        calls.push('stood still')
      })
    }
    await heard
    t.same(calls.slice(calls.indexOf('stood still')), ['stood still', 'data'])
  },
)

t.test('connections are served until they end, and others wait', async (t) => {
  const { door, served, log, call, serves } = await rig(t, 2)
  const clients = [await call(), await call()]
  await serves(2)
  for (let n = 0; n < 3; n++) await call()
  while (log.length === 0) await new Promise(setImmediate)
  t.same(log, ['over 2 connections at once; others wait'])
  t.same(door.state(), { clients: 2, memory: 7 })
  while (served.some(({ calls }) => calls.length < 2)) await new Promise(setImmediate)
  t.match(served[0]!.calls, ['tick', 'tick'])
  served[0]!.end()
  const ticks = served[0]!.calls.length
  await once(clients[0]!.resume(), 'end')
  await serves(3)
  while (served[2]!.calls.length < 2) await new Promise(setImmediate)
  t.equal(served[0]!.calls.length, ticks, 'a client that has left is not asked any more')
  served[1]!.hasHungUp = true
  served[2]!.end()
  await serves(5)
  t.same(door.state().clients, 3, 'one that this side has hung up on takes no place')
  t.equal(log.length, 1, 'it is logged once')
})

t.test('clients that connect before the runtime first accepts any wait, too', async (t) => {
  const { door, served, path } = await rig(t, 1)
  const clients = Array.from({ length: 3 }, () => connect(path)) // at once: it has just begun to listen
  const broken: Error[] = []
  for (const client of clients) {
    t.teardown(() => client.destroy())
    client.on('error', (error) => broken.push(error)).on('end', () => broken.push(new Error('end')))
    client.write('x')
  }
  while (served.length === 0) await new Promise(setImmediate)
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.same(broken, [])
  t.equal(door.state().clients, 1)
})

t.test(
  'sockets that are not closed yet take descriptors, and new ones wait for them',
  async (t) => {
    const { door, served, call, serves } = await rig(t, 2, { maxSockets: 2 })
    await call()
    await call()
    await serves(2)
    for (const connection of served) connection.hasHungUp = true
    await call()
    await new Promise((resolve) => setTimeout(resolve, 150)) // longer than another process has
    t.equal(door.state().clients, 2)
    served[0]!.end()
    await serves(3)
  },
)

t.test('a client makes room if it is silent, and not if its bytes lie unread', async (t) => {
  let evicted = 0
  const { served, call, serves } = await rig(t, 2, {
    startsPaused: true,
    makeRoom(connections) {
      const oldest = longestSilent(connections)
      oldest?.dismiss()
      if (oldest !== undefined) evicted++
      return oldest !== undefined
    },
  })
  const early = await call()
  await serves(1)
  await new Promise<void>((resolve) => early.write('a request', () => resolve()))
  await call()
  await serves(2)
  served[1]!.idleSince = 1
  await call()
  await serves(3)
  t.same(served.map(({ socket }) => socket.destroyed), [false, true, false]) // biome-ignore format: a line
  t.equal(evicted, 1)
  const [talks, , silent] = served
  talks!.idleSince = 1
  silent!.idleSince = 2
  const entries = [talks, silent].map((one) => [one!, one!.socket] as const)
  t.equal(longestIdle(entries), silent, 'one that is silent goes first')
  t.equal(longestIdle(entries.slice(0, 1)), talks, 'but one that talks without progress may go')
})

t.test('an iteration of the event loop accepts no more than some connections', async (t) => {
  const { served, call } = await rig(t, 1000)
  await call()
  while (served.length === 0) await new Promise(setImmediate)
  const counts: number[] = []
  let before = served.length
  const clients = Array.from({ length: 300 }, call)
  while (served.length < 301) {
    await new Promise(setImmediate)
    counts.push(served.length - before)
    before = served.length
  }
  await Promise.all(clients)
  t.ok(Math.max(...counts) <= 32 * 2, `${Math.max(...counts)} at most`)
})

t.test(
  'an interface that closes waits for its connections, and then asks clients to retry',
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

t.test('the connection that has been idle longest is found', async (t) => {
  const [busy, early, late] = [undefined, 3, 8].map((idleSince) => [{ idleSince }, new Socket()] as const) // biome-ignore format: a line
  t.equal(longestIdle([busy!, late!, early!], 10), early![0])
  t.equal(longestIdle([early!, late!], 4), early![0])
  t.equal(longestIdle([late!, busy!], 8), undefined, 'not since before that')
  t.equal(longestIdle([busy!], 10), undefined)
})
