import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { readConfiguration } from './configuration.ts'
import { frame, uint32, uint64 } from './frames.ts'
import { createSlotSocket } from './slot-socket.ts'

/** Messages after which the runtime has compiled what judges mail; measured: 2 ms each become 0.7. */
const MESSAGES = 500

/**
 * Judges mail that nobody sent, so that the first that somebody sends does not wait for the
 * runtime's compiler. It is a stage set of its own in a private directory under
 * `directory`: another socket, a stand-in for clamd, a key that no one has.
 */
export async function rehearse(directory: string, over: AbortSignal): Promise<void> {
  const stage = mkdtempSync(join(directory, 'onescan-dir-')) // a name that is swept: named-file.ts
  const open: { close(): unknown }[] = []
  try {
    const clamd = createServer((connection) => {
      let commands = 0
      connection.on('error', () => {})
      connection.on('data', (chunk: Buffer) => {
        if (chunk.includes('zPING\0')) connection.write(`${++commands}: PONG\0`)
        else if (endsStream(chunk)) connection.write(`${++commands}: stream: OK\0`)
      })
    })
    const settings = {
      QHPSI: 'plugin: clamd',
      CLAMD: join(stage, 'clamd'),
      CLUSTERKEYS: join(stage, 'ring'),
      CLAMDBDIR: stage,
      CONTROLDIR: stage,
      TMPDIR: stage,
    }
    const key = `hmac-sha256:rehearsal:${randomBytes(32).toString('base64url')}\n`
    writeFileSync(settings.CLUSTERKEYS, key, { mode: 0o600 })
    const configuration = await readConfiguration(settings, () => {})
    open.push(configuration)
    const slot = createSlotSocket(configuration, {
      maxSize: 1024 * 1024,
      maxClients: 2,
      memory: 1024 * 1024,
      ownersTrusted: true,
      identifyPeer: () => undefined,
      log: () => {},
    })
    open.push(clamd, slot.server)
    await once(clamd.listen(settings.CLAMD), 'listening')
    const socket = join(stage, 'slot')
    await once(slot.server.listen(socket), 'listening')
    const question = questionAbout(mail())
    for (let n = 0; n < MESSAGES && !over.aborted; n++) await converse(socket, question)
  } finally {
    for (const each of open) each.close()
    rmSync(stage, { recursive: true, force: true })
  }
}

/** The closing zero of an INSTREAM, clamd(8); it comes in a session, as real mail's. */
function endsStream(chunk: Buffer): boolean {
  return chunk.length >= 4 && chunk.readUInt32BE(chunk.length - 4) === 0
}

function mail(): Buffer {
  const fields = ['From', 'To', 'Subject', 'Date', 'Message-ID', 'Received', 'X-QHPSI']
  const header = fields.map((name) => `${name}: rehearsal <1@localhost>;\n\tfolded\n`).join('')
  return Buffer.from(`${header}\n${'a line of a message that nobody sent\n'.repeat(100)}`)
}

function questionAbout(message: Buffer): Buffer {
  return Buffer.concat([
    frame('1', Buffer.from('osc1')),
    frame('V', Buffer.from('QHPSI=plugin: clamd')),
    frame('V', Buffer.from('TCPREMOTEIP=127.0.0.1')),
    frame('R', Buffer.of(1)),
    frame('D', uint32(10_000)),
    frame('E', Buffer.from('Fa@localhost\0Tb@localhost\0\0')),
    frame('S', uint64(message.length)),
    frame('M', message),
    frame('.'),
  ])
}

async function converse(socket: string, question: Buffer): Promise<void> {
  const connection = connect(socket)
  connection.resume()
  connection.write(question)
  await once(connection, 'close')
}
