import '../../../needs-addon.ts'
import { once } from 'node:events'
import { closeSync, openSync, readdirSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { descriptorOf } from '../../../../src/base/process/descriptors.ts'
import { loadSystem, type System } from '../../../../src/base/runtime/system.ts'
import { DescriptorStream } from '../../../../src/scanner/doors/clamd/descriptor-stream.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { until } from '../../../run/until.ts'

/** Descriptors that clients send beside their bytes. */

const system = loadSystem()!

t.test('a request whose descriptor was cut off does not get that of the next one', async (t) => {
  const path = join(socketDirectory(t), 's')
  const server = createServer({ pauseOnConnect: true }).listen(path)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const client = connect(path)
  const [socket] = (await once(server, 'connection')) as [Socket]
  t.teardown(() => client.destroy())
  const open = () => readdirSync('/proc/self/fd').length
  let isFull = true
  let isAwaited = false
  const kept: number[] = []
  /** While the process has no room for one more, the kernel hands over none, or fewer. */
  const crowded: System = Object.assign(Object.create(system), {
    receiveDescriptors(fd: number, buffer: Uint8Array) {
      const got = system.receiveDescriptors(fd, buffer)
      if (got === undefined || !isFull || got.descriptors.length === 0) return got
      for (const descriptor of got.descriptors) closeSync(descriptor)
      isFull = false
      return { ...got, descriptors: [], areCut: true }
    },
  })
  const stream = new DescriptorStream(socket, crowded, 0, () => isAwaited)
  t.teardown(() => stream.destroy())
  const heard: Buffer[] = []
  stream.on('data', (chunk: Buffer) => heard.push(chunk))
  stream.resume()
  const file = openSync('/proc/self/exe', 'r')
  t.teardown(() => closeSync(file))
  const near = descriptorOf(client)!
  system.passDescriptor(near, Buffer.from('1'), file)
  system.passDescriptor(near, Buffer.from('2'), file)
  await until(() => stream.isPaused(), 'the first one is not read yet')
  t.equal(String(Buffer.concat(heard)), '1')
  t.same(stream.takeDescriptors(), [], 'it has none')
  isAwaited = true
  stream.resume()
  await until(() => heard.length === 2, 'both have come')
  kept.push(...stream.takeDescriptors())
  t.equal(kept.length, 1)
  const before = open()
  for (const descriptor of kept) closeSync(descriptor)
  t.equal(open(), before - 1)
})
