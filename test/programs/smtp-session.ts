import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/** What an MTA said: `550 5.7.1 no`; several lines joined by LF. */
export type Reply = string

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  /** Header and body, lines ended by LF. */
  readonly message: Buffer
  /** Said with MAIL FROM: `SIZE=1000`. */
  readonly parameters?: string
}

/** The replies to each part of a message that was sent. */
export interface Sent {
  readonly mail: Reply
  /** One for each recipient. */
  readonly rcpt: readonly Reply[]
  /** After the message, or to DATA where that was refused. */
  readonly data: Reply
}

export interface SmtpSession {
  /** Says a line; resolves with the reply. */
  say(line: string): Promise<Reply>
  /** Sends one message, byte for byte; several may follow each other. */
  send(mail: Mail): Promise<Sent>
  /** Both sides so far, a line each, `->` and `<-` before them; of messages the length alone. */
  readonly transcript: readonly string[]
  quit(): Promise<void>
}

/** Opens a connection to an MTA on 127.0.0.1, greeted and with EHLO said. */
export async function openSmtp(port: number): Promise<SmtpSession> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.on('error', () => {}) // an MTA that hangs up in mid-message: reply() says so
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })
  const incoming = lines[Symbol.asyncIterator]()
  const transcript: string[] = []

  const reply = async (): Promise<Reply> => {
    const said: string[] = []
    for (;;) {
      const { value: line, done } = await incoming.next()
      if (done) throw new Error(`the MTA hung up after: ${transcript.slice(-3).join(' / ')}`)
      transcript.push(`<- ${line}`)
      said.push(line)
      if (/^\d{3}(?!-)/.test(line)) return said.join('\n')
    }
  }
  const say = (line: string): Promise<Reply> => {
    transcript.push(`-> ${line}`)
    socket.write(`${line}\r\n`)
    return reply()
  }
  const send = async ({ from, to, message, parameters }: Mail): Promise<Sent> => {
    const mail = await say(`MAIL FROM:<${from}>${parameters ? ` ${parameters}` : ''}`)
    const rcpt: Reply[] = []
    for (const address of to) rcpt.push(await say(`RCPT TO:<${address}>`))
    const go = await say('DATA')
    if (!go.startsWith('354')) {
      await say('RSET')
      return { mail, rcpt, data: go }
    }
    transcript.push(`-> (message of ${message.length} bytes)`)
    socket.write(onTheWire(message))
    return { mail, rcpt, data: await reply() }
  }

  await reply()
  await say('EHLO client.example.org')
  return {
    say,
    send,
    transcript,
    async quit() {
      const closed = once(socket, 'close')
      await say('QUIT')
      socket.end()
      await closed
    },
  }
}

/** CRLF, dots doubled, and the dot at the end (RFC 5321 4.5.2). */
export function onTheWire(message: Buffer): Buffer {
  const text = message
    .toString('latin1')
    .replace(/(^|\n)\./g, '$1..')
    .replace(/\n/g, '\r\n')
  return Buffer.from(`${text}${text.endsWith('\n') ? '' : '\r\n'}.\r\n`, 'latin1')
}
