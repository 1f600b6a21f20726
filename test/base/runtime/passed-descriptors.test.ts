import '../../needs-addon.ts'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import t from 'tap'
import { descriptorOf } from '../../../src/base/process/descriptors.ts'
import { loadSystem } from '../../../src/base/runtime/system.ts'
import { python } from '../../programs/host/python.ts'
import { outputOf } from '../../run/until.ts'
import { socketPath } from '../../scanner/scan/scanners/clamd/stand-in.ts'

const passed = loadSystem()!

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
  t.ok(passed.seal(file))
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

t.test('a file on disk cannot be sealed, and neither can a file that is mapped', async (t) => {
  const file = openSync('/proc/self/exe', 'r')
  t.teardown(() => closeSync(file))
  t.notOk(passed.seal(file))
  t.notOk(passed.seal(100_000))
  const mapped = memoryFile(t, 'text')
  const script = 'import mmap, sys; m = mmap.mmap(3, 0); print(1, flush=True); sys.stdin.read()'
  const owner = spawn(python, ['-c', script], { stdio: ['pipe', 'pipe', 'inherit', mapped] })
  await outputOf(owner)
  t.notOk(passed.seal(mapped))
  owner.stdin!.end()
  await once(owner, 'exit')
  t.ok(passed.seal(mapped))
})

t.test('descriptors arrive with the bytes that they were sent with', async (t) => {
  const { near, far } = await pair(t)
  const texts = ['one', 'two', 'three']
  for (const text of texts) {
    t.equal(passed.passDescriptor(near, Buffer.from(`with ${text}`), memoryFile(t, text)), 'sent')
  }
  const script = `
import os, socket
connection = socket.socket(fileno=3)
for _ in range(3):
    received, files, _, _ = socket.recv_fds(connection, 100, 1)
    print(received.decode(), os.pread(files[0], 100, 0).decode(), sep=': ')`
  const stdio = ['ignore', 'pipe', 'inherit', far] as const
  const heard = execFileSync(python, ['-c', script], { stdio: [...stdio] })
  t.equal(String(heard), texts.map((text) => `with ${text}: ${text}\n`).join(''))
})

t.test('a failed send leaves no descriptor open', async (t) => {
  const { near, accepted } = await pair(t)
  const file = memoryFile(t, 'nobody gets it')
  const before = openCount()
  t.equal(passed.passDescriptor(near, Buffer.from('x'), 100_000), 'failed', 'no such descriptor')
  accepted.destroy()
  await once(accepted, 'close')
  t.equal(passed.passDescriptor(near, Buffer.from('x'), file), 'failed')
  t.ok(openCount() < before)
})

t.test('descriptors beyond the limit are reported as cut off, and none stays open', async (t) => {
  const { near, far } = await pair(t)
  const script = `
import os, socket
connection = socket.socket(fileno=3)
for count in (4, 5):
    socket.send_fds(connection, [b'x'], [0] * count)`
  execFileSync(python, ['-c', script], { stdio: ['ignore', 'inherit', 'inherit', far] })
  const before = openCount()
  const buffer = Buffer.alloc(1)
  for (const areCut of [false, true]) {
    const { descriptors, ...got } = passed.receiveDescriptors(near, buffer)!
    t.same([got, descriptors.length], [{ bytes: 1, areCut }, 4])
    t.equal(openCount(), before + 4)
    for (const descriptor of descriptors) closeSync(descriptor)
  }
})
