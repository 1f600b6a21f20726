import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { standInClamd } from '../../../src/doors/slot-socket/stand-in-clamd.ts'
import { socketDirectory } from '../../programs/socket-directory.ts'

/** The stand-in for clamd by which onescand warms up. */

const stream = (...pieces: readonly string[]) =>
  Buffer.concat([
    Buffer.from('zINSTREAM\0'),
    ...[...pieces, ''].map((piece) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(piece.length)
      return Buffer.concat([length, Buffer.from(piece)])
    }),
  ])

t.test('the stand-in for clamd answers questions in any split', async (t) => {
  const server = standInClamd()
  const place = join(socketDirectory(t), 's')
  await once(server.listen(place), 'listening')
  t.teardown(() => server.close())
  const asked = Buffer.concat([
    Buffer.from('zIDSESSION\0zPING\0'),
    stream('zPING\0', 'x'.repeat(300)),
    stream(),
    Buffer.from('zVERSION\0'),
    stream('y'),
  ])
  const answers =
    '1: PONG\x002: stream: OK\x003: stream: OK\x004: ClamAV rehearsal\x005: stream: OK\0'
  for (const size of [1, 2, 3, 5, 7, 64, asked.length]) {
    const connection = connect(place)
    let heard = ''
    connection.on('data', (chunk) => {
      heard += chunk.toString('latin1')
    })
    for (let at = 0; at < asked.length; at += size) {
      connection.write(asked.subarray(at, at + size))
      if (size < 8) await new Promise(setImmediate)
    }
    while (heard.length < answers.length) await once(connection, 'data')
    t.equal(heard, answers, `pieces of ${size}`)
    connection.destroy()
  }
  const plain = connect(place)
  plain.end(stream('x'))
  const [chunk] = await once(plain, 'data')
  t.equal(String(chunk), 'stream: OK\0')
})
