import { once } from 'node:events'
import { closeSync, openSync, readFileSync, readlinkSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { descriptorOf } from '../../../src/base/process/descriptors.ts'
import { socketDirectory } from '../../programs/host/socket-directory.ts'

/** The row of a file below /proc/net that has the socket of this descriptor. */
function row(file: string, fd: number | undefined): string {
  const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`)) ?? []
  const rows = readFileSync(`/proc/net/${file}`, 'latin1').split('\n')
  return rows.find((line) => line.split(/\s+/).includes(inode!)) ?? ''
}

t.test('the kernel has the listening socket under the descriptor that is returned', async (t) => {
  const listen = async (where: Parameters<Server['listen']>[0]) => {
    const server = createServer()
    t.teardown(() => server.close())
    server.listen(where)
    await once(server, 'listening')
    return server
  }
  const path = join(socketDirectory(t), 's')
  t.match(row('unix', descriptorOf(await listen({ path }))), path)
  const server = await listen({ host: '127.0.0.1', port: 0 })
  const { port } = server.address() as AddressInfo
  const place = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  t.match(row('tcp', descriptorOf(server)), place)

  const connection = connect(port, '127.0.0.1')
  t.teardown(() => connection.destroy())
  await once(connection, 'connect')
  t.match(row('tcp', descriptorOf(connection)), ` ${place} `)
})

t.test('a socket that does not listen has no descriptor', async (t) => {
  t.equal(descriptorOf(createServer()), undefined)
})

t.test('a number that is not that of a socket is not returned', async (t) => {
  const file = openSync('/dev/null', 'r')
  t.teardown(() => closeSync(file))
  for (const fd of [file, -1, 99_999, '3', undefined])
    t.equal(descriptorOf({ _handle: { fd } }), undefined, String(fd))
  t.equal(descriptorOf({}), undefined)
})
