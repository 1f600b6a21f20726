import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { releaseBuffer } from '../../ground/runtime/release-buffer.ts'
import { createLineReader } from './wire/lines.ts'
import { createSmtpReplyReader, type RawReply, REPLY_LINE_MAX, replyTexts } from './wire/replies.ts'

/** Milliseconds that the next server has: RFC 5321 4.5.3.2, but for the connection. */
export interface NextServerTimeouts {
  readonly connection: number
  /** For the greeting, and each command but DATA. */
  readonly command: number
  /** For the answer to DATA. */
  readonly data: number
  /** To take a block of content. */
  readonly block: number
  /** For the answer to the dot. */
  readonly end: number
}

export const standardNextServerTimeouts: NextServerTimeouts = {
  connection: 30_000,
  command: 300_000,
  data: 120_000,
  block: 180_000,
  end: 600_000,
}

/** Most bytes of replies that may wait to be read: a server says nothing that it was not asked. */
const UNREAD_MAX = 256 * 1024

/**
 * A connection to the server that gets the mail. Whatever goes wrong with it is a Fault of kind
 * `chain` that names it; after that it is closed, and `lost` says why.
 */
export interface NextServer {
  /** Says a line, without its end, and hears the reply; `within` so many milliseconds, if it is less than usual. */
  ask(line: Buffer | string, within?: number): Promise<RawReply>
  /** Sends DATA and hears the reply to it. */
  startData(): Promise<RawReply>
  /**
   * Sends some of the content in one write; resolves when there is room for more. The memory of the
   * pieces is given up, if it is theirs alone.
   */
  send(pieces: readonly Buffer[]): Promise<void>
  /** Sends the last of it, and hears the reply. */
  endData(pieces: readonly Buffer[]): Promise<RawReply>
  /** Hears one more reply to the same content: LMTP has one for each recipient. */
  hear(): Promise<RawReply>
  /** Why it is useless now; undefined while it is not. */
  readonly lost: Fault | undefined
  /** Ends the connection at once. */
  close(): void
}

/** Connects, and hears the greeting: a code other than 220 is a Fault, too. */
export async function callNextServer(
  place: { readonly text: string; readonly options: NetConnectOpts },
  timeouts: NextServerTimeouts,
): Promise<NextServer> {
  const socket = connect({ ...place.options, noDelay: true } as NetConnectOpts)
  const server = converse(socket, place.text, timeouts)
  await server.greeted
  return server
}

function converse(socket: Socket, name: string, timeouts: NextServerTimeouts) {
  const lines = createLineReader(REPLY_LINE_MAX)
  const replies = createSmtpReplyReader()
  let lost: Fault | undefined
  let wake = () => {}
  /** Whether a reply, or room, is waited for. */
  let waiting = false

  const fail = (why: string) => {
    lost ??= new Fault('chain', `next server ${name}: ${why}`)
    socket.destroy()
    wake()
  }
  socket.on('data', (chunk: Buffer) => {
    lines.push(chunk)
    if (lines.pending > UNREAD_MAX) fail('says more than it was asked')
    else wake()
  })
  socket.on('error', (error) => fail(errorText(error)))
  socket.on('end', () => fail('closed the connection'))
  socket.on('close', () => fail('closed the connection'))
  socket.on('drain', () => wake())

  /** Waits until `found` finds something, for at most so many milliseconds. */
  async function until<Value>(
    found: () => Value | undefined,
    milliseconds: number,
    what: string,
  ): Promise<Value> {
    if (waiting) throw new Error('a conversation has one question at a time')
    waiting = true
    const timer = setTimeout(fail, milliseconds, `${what} in ${milliseconds / 1000} s`)
    try {
      for (;;) {
        const value = found()
        if (value !== undefined) return value
        if (lost) throw lost
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    } finally {
      clearTimeout(timer)
      waiting = false
      wake = () => {}
    }
  }

  /** The next reply that is whole. */
  function nextReply(): RawReply | undefined {
    try {
      for (let line = lines.next(); line; line = lines.next()) {
        const reply = replies.take(line)
        if (reply !== undefined) return reply
      }
    } catch (error) {
      fail(errorText(error))
    }
    return undefined
  }

  const hear = (milliseconds: number) => until(nextReply, milliseconds, 'has not answered')

  async function say(pieces: readonly Buffer[]): Promise<void> {
    if (lines.pending > 0 && lost === undefined) fail(unasked())
    if (lost) throw lost
    socket.cork()
    for (const piece of pieces) socket.write(piece)
    socket.uncork()
    if (!socket.writableNeedDrain) return
    const taken = () => (socket.writableNeedDrain ? undefined : true)
    await until(taken, timeouts.block, 'has taken nothing')
    // Not before: the kernel reads it from there.
    if (socket.writableLength === 0) for (const piece of pieces) releaseBuffer(piece)
  }

  /** It said something without being asked: 421, in good order. */
  function unasked(): string {
    const reply = nextReply()
    if (reply?.code !== 421) return 'said something that it was not asked'
    return `closed the connection: 421 ${replyTexts(reply).join(' ')}`
  }

  const asLine = (line: Buffer | string) => [
    Buffer.concat([typeof line === 'string' ? Buffer.from(line, 'latin1') : line, CRLF]),
  ]

  async function greet(): Promise<void> {
    await until(() => (socket.connecting ? undefined : true), timeouts.connection, NOT_CONNECTED)
    const greeting = await hear(timeouts.command)
    if (greeting.code === 220) return
    fail(`greets with ${greeting.bytes.toString('latin1').trim()}`)
    throw lost
  }
  socket.on('connect', () => wake())

  return {
    greeted: greet(),
    async ask(line: Buffer | string, within = timeouts.command) {
      await say(asLine(line))
      return hear(Math.min(within, timeouts.command))
    },
    async startData() {
      await say(asLine('DATA'))
      return hear(timeouts.data)
    },
    send: say,
    async endData(pieces: readonly Buffer[]) {
      await say(pieces)
      return hear(timeouts.end)
    },
    hear: () => hear(timeouts.end),
    get lost() {
      return lost
    },
    close() {
      lost ??= new Fault('chain', `next server ${name}: the connection was closed`)
      socket.destroy()
      wake()
    },
  }
}

const NOT_CONNECTED = 'is not connected to'
const CRLF = Buffer.from('\r\n')
