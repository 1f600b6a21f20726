import { once } from 'node:events'
import { connect } from 'node:net'
import { createInterface } from 'node:readline'

/** A reply of an MTA, such as `550 5.7.1 no`. Several lines are joined by LF. */
export type Reply = string

export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  /** Header and body, lines ended by LF. */
  readonly message: Buffer
  /** Parameters of MAIL, such as `SIZE=1000`. */
  readonly parameters?: string
}

/** The replies to each part of a message that was sent. */
export interface Sent {
  readonly mail: Reply
  /** The replies to RCPT, one for each recipient. */
  readonly rcpt: readonly Reply[]
  /** The replies after the message, or the reply to DATA if that was refused. */
  readonly data: Reply
}

export interface SmtpSession {
  /** Sends a line, and resolves to the reply. */
  command(line: string): Promise<Reply>
  /** Sends one message, byte for byte; several may follow each other. */
  send(mail: Mail): Promise<Sent>
  /**
   * The conversation so far: lines with `->` or `<-` before them, and of messages only the length.
   */
  readonly transcript: readonly string[]
  quit(): Promise<void>
}

/** Sends one message to an MTA on 127.0.0.1, on a connection of its own. */
export async function sendMail(port: number, mail: Mail, localAddress?: string): Promise<Sent> {
  const session = await openSmtp(port, localAddress)
  const sent = await session.send(mail)
  if (!sent.data.startsWith('421')) await session.quit() // else it hangs up
  return sent
}

/**
 * Opens a connection to an MTA on 127.0.0.1, and resolves when the MTA has greeted and answered
 * EHLO. `localAddress`: where the client is, such as 127.0.0.2 for one that may not relay.
 */
export async function openSmtp(port: number, localAddress = '127.0.0.1'): Promise<SmtpSession> {
  const socket = connect({ port, host: '127.0.0.1', localAddress })
  socket.on('error', () => {}) // an MTA that hangs up in mid-message: reply() reports it
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })
  const incoming = lines[Symbol.asyncIterator]()
  const transcript: string[] = []

  const reply = async (): Promise<Reply> => {
    const lines: string[] = []
    for (;;) {
      const { value: line, done } = await incoming.next()
      if (done) throw new Error(`the MTA hung up after: ${transcript.slice(-3).join(' / ')}`)
      transcript.push(`<- ${line}`)
      lines.push(line)
      if (/^\d{3}(?!-)/.test(line)) return lines.join('\n')
    }
  }
  const command = (line: string): Promise<Reply> => {
    transcript.push(`-> ${line}`)
    socket.write(`${line}\r\n`)
    return reply()
  }
  const send = async ({ from, to, message, parameters }: Mail): Promise<Sent> => {
    const mail = await command(`MAIL FROM:<${from}>${parameters ? ` ${parameters}` : ''}`)
    const rcpt: Reply[] = []
    for (const address of to) rcpt.push(await command(`RCPT TO:<${address}>`))
    const go = await command('DATA')
    if (!go.startsWith('354')) {
      await command('RSET')
      return { mail, rcpt, data: go }
    }
    transcript.push(`-> (message of ${message.length} bytes)`)
    socket.write(onTheWire(message))
    return { mail, rcpt, data: await reply() }
  }

  await reply()
  await command('EHLO client.example.org')
  return {
    command,
    send,
    transcript,
    async quit() {
      const closed = once(socket, 'close')
      await command('QUIT')
      socket.end()
      await closed
    },
  }
}

/**
 * Returns a message as it is sent: lines in CRLF, dots doubled, and the dot at the end (RFC 5321
 * 4.5.2).
 */
export function onTheWire(message: Buffer): Buffer {
  const text = message
    .toString('latin1')
    .replace(/(^|\n)\./g, '$1..')
    .replace(/\n/g, '\r\n')
  return Buffer.from(`${text}${text.endsWith('\n') ? '' : '\r\n'}.\r\n`, 'latin1')
}
