import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  type Connection,
  ServerWire,
} from '../../../../src/base/protocol/connection/server-wire.ts'
import { listen } from '../../../programs/host/listen.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { closed } from '../../../run/closed.ts'

/** A client's side of a connection to a server: what is received, who waits, and how it breaks. */

/** A wire and the server at its other end. */
async function rig(t: Test) {
  const path = join(socketDirectory(t), 's')
  const server = createServer()
  await listen(t, server, path)
  const accepted = once(server, 'connection')
  const socket = connect(path)
  t.teardown(() => socket.destroy())
  const heard: string[] = []
  const wire = wireOn(socket, heard)
  await wire.connected()
  const [other] = (await accepted) as [Socket]
  return { wire, socket, other, heard }
}

function wireOn(socket: Connection, heard: string[] = []): ServerWire {
  return new ServerWire(socket, {
    push(chunk) {
      if (chunk.includes('!')) throw new Error('not a word')
      heard.push(chunk.toString())
    },
    explain: (error) => new Error(error === undefined ? 'closed' : `lost: ${error.message}`),
  })
}

t.test('each waiting caller gets its answer as soon as it arrives', async (t) => {
  const { wire, other, heard } = await rig(t)
  const find = (word: string) => () => heard.join('').includes(word) || undefined
  const waiting = [wire.read(find('a')), wire.read(find('b'))]
  t.ok(wire.isConnected)
  const received = once(other, 'data')
  await wire.send(Buffer.from('one '), Buffer.from('packet'))
  t.equal(String((await received)[0]), 'one packet')
  other.write('a')
  t.equal(await waiting[0], true)
  other.write('b')
  t.equal(await waiting[1], true)
  t.equal(wire.lost, undefined)
})

t.test('a connection that breaks ends all that waits, with one reason', async (t) => {
  for (const [what, breaks, message] of [
    ['the server ends', ({ other }) => other.end(), 'closed'],
    ['it is cut', ({ socket }) => socket.destroy(), 'closed'],
    ['an error', ({ socket }) => socket.destroy(new Error('EIO')), 'lost: EIO'],
    ['what cannot be read', ({ other }) => other.write('!'), 'lost: not a word'],
    ['the client itself', ({ wire }) => wire.end(new Error('enough')), 'enough'],
  ] as const satisfies [string, (of: Awaited<ReturnType<typeof rig>>) => unknown, string][]) {
    const own = await rig(t)
    const { wire, socket, heard } = own
    const waiting = wire.read(() => heard[0])
    const isClosed = closed(socket)
    breaks(own)
    await t.rejects(waiting, { message }, what)
    await t.rejects(wire.send(Buffer.from('x')), { message }, what)
    await isClosed
    socket.emit('data', Buffer.from('late'))
    t.same(heard, [], 'nothing more is heard')
    t.equal(wire.end(new Error('again')).message, message)
    t.ok(wire.isConnected, 'there was a connection')
  }
  const nobody = wireOn(connect('/nonexistent/s'))
  await t.rejects(nobody.connected(), { message: /^lost: .*ENOENT/ })
  t.notOk(nobody.isConnected)
})

t.test('the last reply of a server is read after a failed write', async (t) => {
  const { wire, socket, other, heard } = await rig(t)
  socket.pause()
  other.write('too large')
  other.destroy()
  await once(other, 'close')
  await t.rejects(wire.send(Buffer.from('x')), {
    message: /^lost: .*EPIPE/,
  })
  t.same(heard, ['too large'])
})

t.test('a call of the system is repeated while the socket is full', async (t) => {
  const { wire, other } = await rig(t)
  const answers = ['nothing', 'nothing', 'sent', 'failed'] as const
  let calls = 0
  const call = (descriptor: number) => {
    t.ok(descriptor > 2)
    return answers[calls++]!
  }
  await wire.sendBy(call)
  t.equal(calls, 3)
  other.write('x')
  await t.rejects(wire.sendBy(call), { message: 'lost: takes no descriptor' })
  await t.rejects(wire.sendBy(call), { message: 'lost: takes no descriptor' })
  t.equal(calls, 4, 'it is closed')
})

t.test('work ends with its connection at a signal, and later signals have no effect', async (t) => {
  const { wire, heard } = await rig(t)
  const signals = [new AbortController(), new AbortController()] as const
  t.equal(await wire.during(signals[0].signal, async () => 'done'), 'done')
  signals[0].abort()
  t.equal(wire.lost, undefined)
  const working = wire.during(signals[1].signal, () => wire.read(() => heard[0]))
  signals[1].abort(new Error('too late'))
  await t.rejects(working, { message: 'too late' })
})
