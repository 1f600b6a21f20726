import { createServer, type Socket } from 'node:net'
import { listen } from '../../../programs/host/listen.ts'
import type { Ending } from '../../../programs/host/server.ts'

/** A message as the next server has got it. */
export interface Got {
  /** The commands since the last message, as they came, without line ends. */
  readonly commands: readonly string[]
  readonly sender: string
  readonly recipients: readonly string[]
  /** Between 354 and CRLF . CRLF, byte for byte. */
  readonly wire: Buffer
  /** The same without the dots of RFC 5321 4.5.2. */
  readonly content: Buffer
}

/**
 * What the server does at a command instead of the usual: it replies, or does anything with the
 * socket.
 */
export type Script = (
  verb: string,
  line: string,
  socket: Socket,
) => string | Buffer | 'silence' | undefined

/** A script for one command, which has this reply, or which is answered by what is done with the socket. */
export const at =
  (verb: string, does: string | ((socket: Socket) => unknown)): Script =>
  (command, _, socket) => {
    if (command !== verb) return undefined
    if (typeof does === 'string') return does
    does(socket)
    return 'silence'
  }

export interface NextServerSetup {
  readonly lmtp?: boolean
  readonly extensions?: readonly string[]
  readonly greeting?: string | undefined
  /** Also asked at the content (verb `CONTENT`) and at the end of it (verb `.`). */
  readonly script?: Script
}

export interface RunningNext {
  readonly port: number
  /** All commands of all connections. */
  readonly commands: readonly string[]
  readonly got: readonly Got[]
  /** Connections so far. */
  readonly calls: number
  /** Those that are open. */
  readonly open: number
  /** Resolves when this many messages are here. */
  has(count: number): Promise<void>
  /** What it does from now on. */
  script: Script | undefined
  /** Leaves the next such command unanswered, or sends this, and resolves to the connection by which it comes. */
  asked(verb: string, reply?: string): Promise<Socket>
  extensions: readonly string[]
}

const EXTENSIONS = [
  'PIPELINING',
  'SIZE 10240000',
  '8BITMIME',
  'SMTPUTF8',
  'DSN',
  'XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT',
]

/** Starts a mail server for the door to pass on to, which records all that it gets. */
export async function startNext(t: Ending, setup: NextServerSetup = {}): Promise<RunningNext> {
  const commands: string[] = []
  const got: Got[] = []
  const sockets = new Set<Socket>()
  let calls = 0
  let wake = () => {}
  const running: RunningNext & { port: number } = {
    port: 0,
    commands,
    got,
    script: setup.script,
    extensions: setup.extensions ?? EXTENSIONS,
    get calls() {
      return calls
    },
    get open() {
      return sockets.size
    },
    async has(count: number) {
      while (got.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    asked(verb: string, reply = 'silence') {
      return new Promise<Socket>((resolve) => {
        running.script = (command, _, socket) => {
          if (command !== verb) return undefined
          running.script = undefined
          resolve(socket)
          return reply
        }
      })
    },
  }
  const server = createServer((socket) => {
    calls++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    converse(socket)
  })

  function converse(socket: Socket): void {
    let pending = Buffer.alloc(0)
    /** The content so far. The door sends nothing behind its end before it is answered. */
    let content: Buffer[] = []
    let tail = ''
    let inData = false
    let since: string[] = []
    let sender = ''
    let recipients: string[] = []
    const write = (reply: string | Buffer) => {
      socket.write(typeof reply === 'string' ? `${reply}\r\n` : reply)
    }

    /** Whether the script has done it. */
    function scripted(verb: string, line: string): boolean {
      const reply = running.script?.(verb, line, socket)
      if (reply === undefined) return false
      if (reply !== 'silence') write(reply)
      return true
    }

    function take(line: string): void {
      const verb = line.slice(0, 4).toUpperCase().trim()
      commands.push(line)
      since.push(line)
      const [, address = ''] = /<(.*?)>/.exec(line) ?? []
      if (scripted(verb, line)) return
      if (verb === 'EHLO' || verb === 'LHLO') {
        const all = ['next.example.org at your service', ...running.extensions]
        return void write(
          all.map((text, at) => `250${at < all.length - 1 ? '-' : ' '}${text}`).join('\r\n'),
        )
      }
      if (verb === 'DATA') {
        inData = true
        return void write('354 go on')
      }
      if (verb === 'MAIL' || verb === 'RSET') recipients = []
      if (verb === 'MAIL') sender = address
      if (verb === 'RCPT') recipients.push(address)
      if (verb === 'QUIT') return void socket.end('221 2.0.0 next closes\r\n')
      write(`250 2.1.0 next took ${verb}`)
    }

    function finish(wire: Buffer): void {
      inData = false
      const content = unstuffed(wire)
      const wanted = recipients.length
      if (!scripted('.', wire.toString('latin1'))) {
        got.push({ commands: since, sender, recipients, wire, content })
        if (setup.lmtp) for (const to of recipients) write(`250 2.0.0 <${to}> has it`)
        else write(`250 2.0.0 next queued it as ${got.length} for ${wanted}`)
      }
      since = []
      recipients = []
      wake()
    }

    const greeting = setup.greeting ?? '220 next.example.org ESMTP'
    if (greeting !== '') write(greeting)
    function takeContent(piece: Buffer): void {
      content.push(piece)
      if (running.script && scripted('CONTENT', piece.toString('latin1'))) return
      tail = `${tail}${piece.toString('latin1', Math.max(0, piece.length - 5))}`.slice(-5)
      if (tail !== '\r\n.\r\n' && !(tail === '.\r\n' && Buffer.concat(content).length === 3)) return
      const whole = Buffer.concat(content)
      content = []
      tail = ''
      finish(whole.subarray(0, -3))
    }

    socket.on('data', (piece: Buffer) => {
      if (inData) return takeContent(piece)
      pending = Buffer.concat([pending, piece])
      for (;;) {
        const end = pending.indexOf('\n')
        if (end < 0) return
        const line = pending.toString('latin1', 0, end).replace(/\r$/, '')
        pending = pending.subarray(end + 1)
        take(line)
      }
    })
  }

  running.port = await listen(t, server)
  return running
}

function unstuffed(wire: Buffer): Buffer {
  return Buffer.from(wire.toString('latin1').replace(/(^|\r\n)\./g, '$1'), 'latin1')
}
