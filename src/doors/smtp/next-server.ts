import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { releaseBuffer } from '../../ground/runtime/release-buffer.ts'
import { createLineReader } from './wire/lines.ts'
import { createSmtpReplyReader, type RawReply, REPLY_LINE_MAX, replyTexts } from './wire/replies.ts'

/** Milliseconds that the next server has. All but `connection` are those of RFC 5321 4.5.3.2. */
export interface NextServerTimeouts {
  readonly connection: number
  /** For the greeting, and each command but DATA. */
  readonly command: number
  /** For the answer to DATA. */
  readonly data: number
  /** To take a piece of content. */
  readonly block: number
  /** For the answer to the end of the content. */
  readonly end: number
}

export const defaultNextServerTimeouts: NextServerTimeouts = {
  connection: 30_000,
  command: 300_000,
  data: 120_000,
  block: 180_000,
  end: 600_000,
}

/**
 * Bytes of replies that may wait to be read: a server that sends more speaks without being asked.
 */
const UNREAD_MAX = 256 * 1024

/**
 * A connection to the server that gets the mail. If anything goes wrong, the connection is
 * closed, `lost` says why, and every call rejects with a Fault of kind `chain` that names the
 * server.
 */
export interface NextServer {
  /**
   * Sends a line, given without its end, and resolves to the reply. `within` may shorten the time
   * that it has.
   */
  ask(line: Buffer | string, within?: number): Promise<RawReply>
  /** Sends DATA, and resolves to the reply. */
  startData(): Promise<RawReply>
  /**
   * Sends some of the content in one write, and resolves when there is room for more. The memory
   * of the pieces may be released then: the caller must not use them again.
   */
  send(pieces: readonly Buffer[]): Promise<void>
  /** Sends the last of the content, and resolves to the reply. */
  endData(pieces: readonly Buffer[]): Promise<RawReply>
  /** Resolves to one more reply to the same content: LMTP has one for each recipient. */
  hear(): Promise<RawReply>
  /** Why the connection cannot be used any more; undefined while it can. */
  readonly lost: Fault | undefined
  /** Ends the connection at once. */
  close(): void
}

/**
 * Connects, and resolves when the server has greeted. Rejects with a Fault of kind `chain`, also
 * for a code other than 220.
 */
export async function callNextServer(
  address: { readonly text: string; readonly options: NetConnectOpts },
  timeouts: NextServerTimeouts,
): Promise<NextServer> {
  const socket = connect({ ...address.options, noDelay: true } as NetConnectOpts)
  const server = converse(socket, address.text, timeouts)
  await server.greeted
  return server
}

function converse(socket: Socket, name: string, timeouts: NextServerTimeouts) {
  const lines = createLineReader(REPLY_LINE_MAX)
  const replies = createSmtpReplyReader()
  let lost: Fault | undefined
  let wake = () => {}
  /** Whether a call waits for a reply or for room. */
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

  /** Waits until `find` returns something, and fails after so many milliseconds. */
  async function until<Value>(
    find: () => Value | undefined,
    milliseconds: number,
    what: string,
  ): Promise<Value> {
    if (waiting) throw new Error('a conversation has one question at a time')
    waiting = true
    const timer = setTimeout(fail, milliseconds, `${what} in ${milliseconds / 1000} s`)
    try {
      for (;;) {
        const value = find()
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

  /** Returns the next whole reply, or undefined if none has come. */
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
    // Only now: until here the kernel may read from this memory.
    if (socket.writableLength === 0) for (const piece of pieces) releaseBuffer(piece)
  }

  /** Returns why a server spoke without being asked: a 421 is in good order (RFC 5321 3.8). */
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
