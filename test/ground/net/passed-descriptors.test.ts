import { once } from 'node:events'
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  writeSync,
} from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { descriptorOf } from '../../../src/ground/net/descriptor-of.ts'
import { loadPassedDescriptors } from '../../../src/ground/net/passed-descriptors.ts'
import { socketPath } from '../../scan/clamd/stand-in.ts'

const passed = (await loadPassedDescriptors())!
const room = Buffer.alloc(100)

/** A unix connection; the runtime reads nothing at one of its ends. */
async function pair(t: Parameters<typeof socketPath>[0]) {
  const path = socketPath(t)
  const server = createServer({ pauseOnConnect: true })
  server.listen(path)
  await once(server, 'listening')
  const client = connect(path)
  const [[accepted]] = (await Promise.all([
    once(server, 'connection'),
    once(client, 'connect'),
  ])) as [[Socket], unknown]
  t.teardown(() => {
    client.destroy()
    accepted.destroy()
    server.close()
  })
  return { near: descriptorOf(client)!, far: descriptorOf(accepted)!, client, accepted }
}

function memoryFile(t: { teardown(end: () => void): void }, text: string): number {
  const file = passed.memoryFile()
  t.teardown(() => closeSync(file))
  writeSync(file, text, 0)
  return file
}

const openCount = () => readdirSync('/proc/self/fd').length

t.test('a memory file can be written until it is sealed, and never again', async (t) => {
  const file = memoryFile(t, 'before')
  t.notOk(passed.isSealed(file))
  t.ok(passed.seal(file))
  t.ok(passed.isSealed(file))
  for (const change of [
    () => writeSync(file, 'x', 0),
    () => writeSync(file, 'x', 6),
    () => ftruncateSync(file, 1),
    () => ftruncateSync(file, 100),
  ]) {
    t.throws(change, { code: 'EPERM' })
  }
  t.equal(readFileSync(`/proc/self/fd/${file}`, 'latin1'), 'before')
})

t.test('a file on disk and a pipe are not sealed', async (t) => {
  const file = openSync('/proc/self/exe', 'r')
  t.teardown(() => closeSync(file))
  t.notOk(passed.isSealed(file))
  t.notOk(passed.isSealed(100_000))
  t.notOk(passed.seal(file))
})

t.test('a descriptor arrives with the bytes that it was sent with', async (t) => {
  const { near, far } = await pair(t)
  t.equal(passed.receive(far, room), undefined, 'nothing is there yet')
  const file = memoryFile(t, 'what was passed')
  t.equal(passed.send(near, Buffer.from('with it'), file), 'sent')
  const received = passed.receive(far, room)!
  t.equal(room.toString('latin1', 0, received.length), 'with it')
  t.not(received.descriptor, file)
  t.equal(fstatSync(received.descriptor!).ino, fstatSync(file).ino)
  const text = Buffer.alloc(20)
  t.equal(
    text.toString('latin1', 0, readSync(received.descriptor!, text, 0, 20, 0)),
    'what was passed',
  )
  closeSync(received.descriptor!)
})

t.test('bytes may come without a descriptor, and no bytes mean the end', async (t) => {
  const { far, client } = await pair(t)
  client.end('alone')
  await once(client, 'finish')
  t.same(passed.receive(far, room), { length: 5, descriptor: undefined })
  t.same(passed.receive(far, room), { length: 0, descriptor: undefined })
})

t.test('descriptors that arrive one after the other stay apart', async (t) => {
  const { near, far } = await pair(t)
  const files = ['one', 'two', 'three'].map((text) => memoryFile(t, text))
  for (const file of files) passed.send(near, Buffer.from('ab'), file)
  for (const file of files) {
    const { length, descriptor } = passed.receive(far, room)!
    t.equal(length, 2)
    t.equal(fstatSync(descriptor!).ino, fstatSync(file).ino)
    closeSync(descriptor!)
  }
})

t.test('a failed send leaves no descriptor open', async (t) => {
  const { near, accepted } = await pair(t)
  const file = memoryFile(t, 'nobody gets it')
  const before = openCount()
  t.equal(passed.send(near, Buffer.from('x'), 100_000), 'failed', 'no such descriptor')
  accepted.destroy()
  await once(accepted, 'close')
  t.equal(passed.send(near, Buffer.from('x'), file), 'failed')
  t.ok(openCount() < before)
})
