import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PeerTimeout, Wire, type WireHost } from '../../../src/scanner/serving/wire.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'
import { closed as whenClosed } from '../../run/closed.ts'

/** A door's side of a connection: who waits, is late, leaves or breaks the protocol. */

interface Rig {
  readonly wire: Wire
  readonly client: Socket
  /** The door's. */
  readonly socket: Socket
  /** What has come and is not read. */
  readonly heard: string[]
  /** Sets the clock of the wire. */
  at(time: number): void
  readonly closed: Promise<void>
  /** How often the door heard that the connection has ended. */
  readonly ends: readonly unknown[]
  readonly logged: readonly string[]
}

async function rig(t: Test, host: Partial<WireHost> = {}, isFull = () => false): Promise<Rig> {
  const path = join(socketDirectory(t), 's')
  const server = createServer({ allowHalfOpen: true }).listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const client = connect({ path, allowHalfOpen: true })
  const [socket] = (await once(server, 'connection')) as [Socket]
  t.teardown(() => client.destroy())
  const heard: string[] = []
  const logged: string[] = []
  let time = 0
  const ends: unknown[] = []
  let close = () => {}
  const closed = new Promise<void>((resolve) => {
    close = () => {
      ends.push(wire.isLost)
      resolve()
    }
  })
  const reader = {
    push(chunk: Buffer) {
      if (chunk.includes('!')) throw new Error('not a word')
      heard.push(chunk.toString())
    },
    get isFull() {
      return isFull()
    },
  }
  const wire: Wire = new Wire(socket, reader, {
    leaving: 1000,
    uptime: () => time,
    closed: () => close(),
    log: (line) => void logged.push(line),
    ...host,
  })
  const at = (now: number) => {
    time = now
  }
  return { wire, client, socket, heard, at, closed, ends, logged }
}

const never = () => undefined

t.test('a conversation that fails by a bug is logged, and its client is counted out', async (t) => {
  const { wire, client, closed, ends, logged } = await rig(t)
  client.resume()
  client.on('end', () => client.end())
  await wire.converse(() => Promise.reject(new Error('a bug')))
  await closed
  t.equal(ends.length, 1)
  t.match(logged, [/^Error: a bug\n +at /])
  t.equal(logged.length, 1)
})

t.test('data sent before the client closed its side is read, and nothing more', async (t) => {
  const { wire, client, heard, closed } = await rig(t)
  const words: (string | undefined)[] = []
  void wire.converse(async () => {
    for (let word: string | undefined = ''; word !== undefined; words.push(word)) {
      word = await wire.read(() => heard.shift(), never)
    }
    t.notOk(wire.hasHungUp, 'it may still be answered')
    wire.hangUp(Buffer.from('bye'))
  })
  client.end('a word')
  const [answer] = await once(client, 'data')
  t.same([words, String(answer)], [['a word', undefined], 'bye'])
  await closed
})

t.test('a client that times out ends the read, and may still receive a reply', async (t) => {
  const { wire, client, at } = await rig(t)
  const isLate = (time: number) => (wire.silence(time) > 10 ? 'fell silent' : undefined)
  void wire.converse(async () => {
    await t.rejects(wire.read(never, isLate), new PeerTimeout('fell silent'))
    wire.hangUp(Buffer.from('too late'))
  })
  at(10)
  wire.tick()
  t.notOk(wire.hasHungUp)
  at(11)
  wire.tick()
  t.equal(String((await once(client, 'data'))[0]), 'too late')
})

t.test('time in which the server works for the client does not count as silence', async (t) => {
  const { wire, at } = await rig(t)
  at(100)
  void wire.read(never, never)
  t.equal(wire.silence(103), 3)
})

t.test('a client that breaks the protocol ends the work for it', async (t) => {
  const { wire, client } = await rig(t)
  const work = wire.during(once(wire.gone, 'abort'), { after: 1000, next: never })
  client.write('!')
  await t.rejects(work, { message: 'not a word' })
  t.notOk(wire.hasHungUp, 'it can receive the reason')
})

t.test(
  'a waiting client receives a sign now and then, and one when it closes its side',
  async (t) => {
    const { wire, client, at } = await rig(t)
    let over = () => {}
    const work = new Promise<void>((resolve) => {
      over = resolve
    })
    const during = wire.during(work, { after: 10, next: () => Buffer.from('.') })
    at(9)
    wire.tick()
    at(10)
    wire.tick()
    t.equal(String((await once(client, 'data'))[0]), '.')
    client.end()
    t.equal(String((await once(client, 'data'))[0]), '.')
    over()
    await during
    at(100)
    wire.tick()
    wire.hangUp()
    await once(client, 'end')
  },
)

t.test('an interface decides whether a client that closes its side has left', async (t) => {
  const { wire, client } = await rig(t, { waitsOn: () => false })
  client.end()
  await once(wire.gone, 'abort')
  t.ok(wire.hasHungUp)
})

t.test('the same holds if the end arrived together with the last bytes', async (t) => {
  let isFull = true
  const { wire, client, socket, heard } = await rig(t, { waitsOn: () => false }, () => isFull)
  client.write('a')
  await wire.read(() => heard.shift(), never)
  client.end('b')
  await once(client, 'finish')
  while (socket.readableLength === 0) await new Promise(setImmediate)
  for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate) // in which the end is read, too
  isFull = false
  t.equal(await wire.read(() => heard.shift(), never), 'b')
  await wire.during(once(wire.gone, 'abort'), { after: 1000, next: never })
  t.ok(wire.hasHungUp)
})

t.test('a client that may still wait is checked for a disconnect', async (t) => {
  let isFull = true
  const { wire, client, socket, heard } = await rig(t, {}, () => isFull)
  client.write('a')
  await wire.read(() => heard.shift(), never)
  client.write('b')
  client.destroy()
  await once(client, 'close')
  while (socket.readableLength === 0) await new Promise(setImmediate)
  for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate) // in which the end is read, too
  isFull = false
  t.equal(await wire.read(() => heard.shift(), never), 'b')
  const left = once(wire.gone, 'abort')
  await wire.during(left, { after: 1000, next: () => Buffer.from('.') })
  t.ok(wire.hasHungUp)
})

t.test('an interface that finishes ends reads only between messages', async (t) => {
  const { wire } = await rig(t)
  let isAmid = true
  const amid = wire.read(() => (isAmid ? undefined : 'word'), never)
  wire.finish()
  await new Promise(setImmediate)
  isAmid = false
  t.equal(
    wire.ready(() => 'word'),
    'word',
  )
  t.equal(await wire.read(never, never, true), undefined)
  wire.hangUp()
  await amid
})

t.test('a connection has ended when it is closed and no work for it remains', async (t) => {
  for (const breaks of [
    (client: Socket) => client.destroy(),
    (_: Socket, socket: Socket) => socket.destroy(new Error('EIO')),
  ]) {
    const { wire, client, socket, closed, ends } = await rig(t)
    let over = () => {}
    const work = new Promise<void>((resolve) => {
      over = resolve
    })
    void wire.converse(() => work)
    client.on('error', () => {})
    const gone = whenClosed(socket)
    breaks(client, socket)
    wire.send(Buffer.from('.')) // which shows that a client has left
    await gone
    t.same([wire.hasHungUp, wire.gone.aborted, ends], [true, true, []])
    over()
    await closed
    t.same(ends, [true], 'it was lost')
  }
  const idle = await rig(t)
  idle.wire.hangUp()
  idle.client.end().resume()
  await idle.closed
  t.same(idle.ends, [false], 'without a conversation, and it was not lost')
  const done = await rig(t)
  const hungUp = done.wire.converse(async () => {})
  await hungUp
  done.client.end().resume()
  await done.closed
  t.same(done.ends, [false], 'this side hangs up behind its conversation')
})

t.test('a client that does not close, or takes no answers, is cut off', async (t) => {
  const slow = await rig(t)
  slow.at(5)
  slow.wire.hangUp()
  slow.at(1005)
  slow.wire.tick()
  t.notOk(slow.socket.destroyed)
  slow.at(1006)
  slow.wire.tick()
  t.ok(slow.socket.destroyed)
  const deaf = await rig(t)
  deaf.client.pause()
  deaf.wire.send(Buffer.alloc(1024 * 1024)) // one answer may be large
  t.notOk(deaf.socket.destroyed)
  deaf.wire.send(Buffer.from('another'))
  t.ok(deaf.socket.destroyed)
  const dropped = await rig(t)
  dropped.wire.drop(Buffer.from('bye'))
  t.equal(String((await once(dropped.client, 'data'))[0]), 'bye')
  await dropped.closed
  t.ok(dropped.socket.destroyed, 'though its client is still there')
})

t.test('a dismissed client receives the reason, if the protocol has a text for it', async (t) => {
  const { wire, client } = await rig(t, { farewell: (reason) => Buffer.from(`because ${reason}`) })
  wire.dismiss('of others')
  wire.dismiss()
  t.equal(String((await once(client, 'data'))[0]), 'because of others')
  const { wire: mute, client: other, closed } = await rig(t)
  mute.dismiss()
  other.resume()
  await closed
})

t.test('a client is idle while it is waited for, since it was answered last', async (t) => {
  const { wire, at } = await rig(t)
  t.equal(wire.idleSince, undefined, 'nobody waits for it')
  at(7)
  const word = wire.read(never, never)
  t.equal(wire.idleSince, 0)
  wire.send(Buffer.from('x'))
  t.equal(wire.idleSince, 7)
  wire.hangUp()
  t.equal(wire.idleSince, undefined)
  t.equal(await word, undefined)
  wire.send(Buffer.from('nobody hears it'))
})

t.test('one client that sends much leaves the others their turn', async (t) => {
  const { wire, client, socket, heard } = await rig(t)
  const sizes: number[] = []
  let turns = 0
  let size = 0
  socket.on('pause', () => {
    sizes.push(size)
    size = 0
    setImmediate(() => turns++)
  })
  socket.on('data', (chunk) => {
    size += chunk.length
  })
  client.end(Buffer.alloc(2 * 1024 * 1024, 'x'))
  await wire.read(() => (heard.join('').length === 2 * 1024 * 1024 ? true : undefined), never)
  t.ok(sizes.length >= 8 && turns >= 8, `${sizes.length} pauses`)
  t.ok(
    sizes.every((bytes) => bytes <= 256 * 1024),
    `${sizes}`,
  )
})
