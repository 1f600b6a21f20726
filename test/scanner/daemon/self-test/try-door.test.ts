import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { tryDoor } from '../../../../src/scanner/daemon/self-test/try-door.ts'
import { listen } from '../../../programs/host/listen.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'

/** A door is tried as its clients use it; test/scanner/daemon/http/health.test.ts tries doors of onescand. */

t.test('a milter counts only if it negotiates', async (t) => {
  const path = join(socketDirectory(t), 'milter')
  let asked = ''
  let answer: (socket: Socket) => void = () => {}
  const server = createServer((socket) => {
    socket.once('data', (chunk) => {
      asked = chunk.toString('latin1')
      answer(socket)
    })
  })
  await listen(t, server, path)
  const door = { kind: 'milter', address: `unix:${path}` } as const
  const found = (what: (socket: Socket) => void) => {
    answer = what
    return tryDoor(door)
  }
  t.match(await found((socket) => socket.end()), {
    level: 'error',
    what: `milter unix:${path}`,
    value: 'closes the connection',
  })
  t.match(await found((socket) => socket.end('220 mail.example.org ESMTP\r\n')), {
    value: 'answered 220 mail.example.org ESMTP',
  })
  const reply = Buffer.from('\0\0\0\rO\0\0\0\x06\0\0\0\0\0\0\0\0', 'latin1')
  const inPieces = (socket: Socket) => {
    socket.write(reply.subarray(0, 3))
    setImmediate(() => socket.end(reply.subarray(3)))
  }
  t.equal(await found(inPieces), undefined)
  t.match(asked, /^\0\0\0\rO\0\0\0\x06[\s\S]{8}\0\0\0\x01Q$/)
})

t.test('a next server that is down is to be started, and onescand is not', async (t) => {
  const path = join(socketDirectory(t), 'smtp')
  await listen(
    t,
    createServer((socket) => socket.end('220 mail.example.org ESMTP\r\n')),
    path,
  )
  const route = {
    isLmtp: false,
    next: { text: 'unix:/nonexistent', options: { path: '/nonexistent' } },
    from: [],
    isQueued: false,
  }
  const found = await tryDoor({ kind: 'smtp', address: `unix:${path}`, route })
  t.match(found, {
    level: 'error',
    value: /^next server unix:\/nonexistent: .*no such file or directory/,
  })
  t.match(found, { remedy: /^start that server, .*--next/ })
  t.notMatch(found?.remedy, 'restart')
})
