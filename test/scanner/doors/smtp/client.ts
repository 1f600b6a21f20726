import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { closed } from '../../../run/closed.ts'

/** A client that sends any bytes and hears replies. */
export interface Client {
  readonly socket: Socket
  /** Writes as it is. */
  write(bytes: string | Buffer): void
  /** The next reply, lines joined by LF; undefined once the server has left. */
  hear(): Promise<string | undefined>
  /** The next replies; 'left' in place of each that does not come. */
  hears(count: number): Promise<string[]>
  /** Lines, each with CRLF when the one before is answered, and the last reply. */
  command(...lines: readonly string[]): Promise<string>
  /** Everything that is sent until the server leaves. */
  rest(): Promise<string[]>
  close(): Promise<void>
}

/** Connects, from an address of the loopback. The first reply to hear is the greeting. */
export async function callDoor(port: number, localAddress = '127.0.0.1'): Promise<Client> {
  const socket = connect({ host: '127.0.0.1', port, localAddress })
  await once(socket, 'connect')
  let begun = '' // a line that has not ended
  const lines: string[] = []
  const replyLines: string[] = [] // of a reply that has not ended
  let taken = 0
  let isOver = false
  let wake = () => {}
  socket.on('data', (chunk: Buffer) => {
    const whole = `${begun}${chunk.toString('latin1')}`.split('\r\n')
    begun = whole.pop()!
    lines.push(...whole)
    wake()
  })
  const end = () => {
    isOver = true
    wake()
  }
  socket.on('error', end)
  socket.on('end', end)
  socket.on('close', end)

  function nextReply(): string | undefined {
    while (taken < lines.length) {
      const line = lines[taken++]!
      replyLines.push(line)
      if (!/^\d{3}-/.test(line)) return replyLines.splice(0).join('\n')
    }
    lines.length = 0
    taken = 0
    return undefined
  }

  async function hear(): Promise<string | undefined> {
    for (;;) {
      const reply = nextReply()
      if (reply !== undefined || isOver) return reply
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  const write = (bytes: string | Buffer) =>
    void socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  return {
    socket,
    write,
    hear,
    async hears(count) {
      const replies: string[] = []
      while (replies.length < count) replies.push((await hear()) ?? 'left')
      return replies
    },
    async command(...lines) {
      let reply: string | undefined
      for (const line of lines) {
        write(`${line}\r\n`)
        reply = await hear()
        if (reply === undefined) throw new Error(`the door left after ${line.slice(0, 60)}`)
      }
      return reply!
    },
    async rest() {
      const replies: string[] = []
      for (let reply = await hear(); reply !== undefined; reply = await hear()) replies.push(reply)
      return replies
    },
    async close() {
      socket.end()
      await closed(socket)
    },
  }
}
