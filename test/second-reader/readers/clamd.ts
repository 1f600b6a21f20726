import { once } from 'node:events'
import { connect } from 'node:net'

/** The field that the next host puts on top, before it looks at the message. */
const NEXT_HOST = 'Received: from a.example.org by b.example.org; Fri, 20 Nov 2026 10:00:00 +0000'

/** What clamd itself says of a message that the next host received: a virus's name, or ''. */
export async function clamdSays(socket: string, message: Buffer): Promise<string> {
  const ending = message[message.indexOf(0x0a) - 1] === 0x0d ? '\r\n' : '\n'
  const bytes = Buffer.concat([Buffer.from(NEXT_HOST + ending), message])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  const connection = connect(socket)
  const heard: Buffer[] = []
  connection.on('data', (chunk: Buffer) => heard.push(chunk))
  connection.write(Buffer.concat([Buffer.from('zINSTREAM\0'), length, bytes, Buffer.alloc(4)]))
  await once(connection, 'close')
  const reply = Buffer.concat(heard).toString('latin1')
  if (reply === 'stream: OK\0') return ''
  const found = /^stream: (.*) FOUND\0$/.exec(reply)
  if (!found) throw new Error(`clamd says ${JSON.stringify(reply)}`)
  return found[1]!
}
