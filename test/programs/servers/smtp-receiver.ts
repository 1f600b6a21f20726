import { createServer, type Socket } from 'node:net'
import { listen } from '../host/listen.ts'
import type { Ending } from '../host/server.ts'

/** A message as an MTA passed it on. */
export interface ReceivedMail {
  readonly sender: string
  readonly recipients: readonly string[]
  /** Header and body, lines ended by LF, without the dots of RFC 5321 4.5.2. */
  readonly message: Buffer
}

export interface Receiver {
  /** On 127.0.0.1. */
  readonly port: number
  /** The next message that nobody took yet: waits for it. */
  next(): Promise<ReceivedMail>
  /** The number of messages that have come. */
  count(): number
}

/** The host behind an MTA: takes all mail by SMTP, and keeps it for the test. */
export async function startReceiver(
  t: Ending,
  extensions: readonly string[] = ['8BITMIME', 'SIZE 0', 'PIPELINING'],
): Promise<Receiver> {
  const mails: ReceivedMail[] = []
  const waiting: ((mail: ReceivedMail) => void)[] = []
  let count = 0
  const deliver = (mail: ReceivedMail) => {
    count++
    const first = waiting.shift()
    if (first) first(mail)
    else mails.push(mail)
  }
  const server = createServer((socket) => converse(socket, extensions, deliver))
  return {
    port: await listen(t, server),
    next() {
      const mail = mails.shift()
      return mail ? Promise.resolve(mail) : new Promise((resolve) => waiting.push(resolve))
    },
    count: () => count,
  }
}

/** RFC 5321, as much of it as an MTA needs to be rid of its mail. */
function converse(
  socket: Socket,
  extensions: readonly string[],
  deliver: (mail: ReceivedMail) => void,
): void {
  let pending = Buffer.alloc(0)
  let inData = false
  let sender = ''
  let recipients: string[] = []
  const reply = (text: string) => void socket.write(`${text}\r\n`)
  const answer = (line: string) => {
    const [, address = ''] = /<(.*?)>/.exec(line) ?? []
    const verb = line.slice(0, 4).toUpperCase()
    if (verb === 'EHLO') return reply(replyLines(['receiver.example.org', ...extensions]))
    if (verb === 'DATA') {
      inData = true
      return reply('354 go on')
    }
    if (verb === 'MAIL' || verb === 'RSET') recipients = []
    if (verb === 'MAIL') sender = address
    if (verb === 'RCPT') recipients.push(address)
    if (verb === 'QUIT') return void socket.end('221 bye\r\n')
    reply('250 ok')
  }
  reply('220 receiver.example.org ESMTP')
  socket.on('data', (piece: Buffer) => {
    pending = Buffer.concat([pending, piece])
    for (;;) {
      const end = inData ? '\r\n.\r\n' : '\r\n'
      const at = pending.indexOf(end)
      if (at < 0) return
      const text = pending.subarray(0, at).toString('latin1')
      pending = pending.subarray(at + end.length)
      if (!inData) answer(text)
      else {
        inData = false
        deliver({ sender, recipients, message: plainLines(text) })
        reply('250 taken')
      }
    }
  })
}

function plainLines(text: string): Buffer {
  const lines = text.split('\r\n').map((line) => line.replace(/^\./, ''))
  return Buffer.from(`${lines.join('\n')}\n`, 'latin1')
}

function replyLines(words: readonly string[]): string {
  return words
    .map((word, index) => `250${index < words.length - 1 ? '-' : ' '}${word}`)
    .join('\r\n')
}
