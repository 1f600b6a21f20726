import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { startOnescand } from '../../doors/daemon/process.ts'
import { callDoor } from '../../doors/smtp/client.ts'
import { freePort } from '../../programs/free-port.ts'
import { pssOfTree } from '../daemon-memory.ts'
import type { Teardown } from './destinations.ts'

/** What came of a large message. */
export interface LargeFigures {
  readonly bytes: number
  readonly reply: string
  /** Whether the next server had what was sent, byte for byte, below the new field. */
  readonly isWhole: boolean
  /** MB of onescand before it and at most. */
  readonly before: number
  readonly most: number
}

/** A message of 100 MB, half of whose lines begin with dots, through onescand into a digest. */
export async function sendLarge(t: Teardown): Promise<LargeFigures> {
  const block = Buffer.from('..a line of text\r\n...\r\nanother line of text\r\n'.repeat(1500))
  const blocks = Math.floor(100_000_000 / block.length)
  const header = 'Subject: x\r\n\r\n'
  const sent = createHash('sha256').update('X-QHPSI: clean\r\n').update(header)
  const sink = await startSink(t)
  const port = await freePort()
  const daemon = startOnescand(t, {
    args: ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${sink.port}`],
    settings: { QHPSI: 'plugin: eicar' },
  })
  await daemon.logged(/serving/)
  const before = pssOfTree(daemon.pid)
  let most = before
  const watching = setInterval(() => {
    most = Math.max(most, pssOfTree(daemon.pid))
  }, 50)
  const client = await callDoor(port)
  await client.hear()
  for (const line of ['EHLO c', 'MAIL FROM:<a@b.example>', 'RCPT TO:<b@b.example>', 'DATA']) await client.say(line) // biome-ignore format: a line
  client.write(header)
  for (let n = 0; n < blocks; n++) {
    sent.update(block)
    if (!client.socket.write(block)) await once(client.socket, 'drain')
  }
  client.write('.\r\n')
  const reply = (await client.hear()) ?? 'left'
  clearInterval(watching)
  client.socket.destroy()
  const isWhole = sink.digest() === sent.digest('hex')
  return { bytes: blocks * block.length, reply, isWhole, before, most }
}

/** A next server that keeps nothing of the content but its digest, with the dots that stuff it. */
async function startSink(t: Teardown) {
  const hash = createHash('sha256')
  let held = Buffer.alloc(0)
  const server = createServer((socket) => {
    let inContent = false
    socket.on('error', () => {})
    socket.write('220 sink\r\n')
    socket.on('data', (piece: Buffer) => {
      if (!inContent) {
        inContent = /^DATA/i.test(piece.toString('latin1', 0, 4))
        return void socket.write(inContent ? '354 go on\r\n' : '250 ok\r\n')
      }
      held = Buffer.concat([held, piece])
      if (held.subarray(-5).toString('latin1') === '\r\n.\r\n') {
        hash.update(held.subarray(0, -3))
        inContent = false
        return void socket.write('250 2.0.0 all of it\r\n')
      }
      hash.update(held.subarray(0, -5))
      held = held.subarray(-5)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, digest: () => hash.digest('hex') }
}
