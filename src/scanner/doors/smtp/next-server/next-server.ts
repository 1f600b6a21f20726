import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { releaseBuffer } from '../../../../base/bytes/buffers.ts'
import { errorText, Fault } from '../../../../base/errors/fault.ts'
import { TIMED_OUT, withTimeout } from '../../../../base/flow/timeout.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import { ServerWire } from '../../../../base/protocol/connection/server-wire.ts'
import { formatDuration } from '../../../../base/text/units.ts'
import { LineReader } from '../../../protocol/smtp/smtp-lines.ts'
import {
  type RawReply,
  REPLY_LINE_MAX,
  replyTexts,
  SmtpReplyReader,
} from '../../../protocol/smtp/smtp-replies.ts'

/**
 * Milliseconds that the next server has. All but `connection` and `quit` are those of RFC 5321
 * 4.5.3.2.
 */
export interface NextServerTimeouts {
  readonly connection: number
  /** Time for the greeting, and for each command except DATA and QUIT. */
  readonly command: number
  /** Time for the answer to DATA. */
  readonly data: number
  /** Time to accept a piece of content. */
  readonly block: number
  /** Time for the answer to the end of the content; with LMTP for all answers together. */
  readonly end: number
  /** Time for the answer to QUIT, while the client that has sent it keeps its place. */
  readonly quit: number
}

export const defaultNextServerTimeouts: NextServerTimeouts = {
  connection: 30_000,
  command: 300_000,
  data: 120_000,
  block: 180_000,
  end: 600_000,
  quit: 5_000,
}

/** Upper limit, in bytes, for unread replies: a server that exceeds it sends without a request. */
const UNREAD_MAX = 256 * 1024

const CRLF = Buffer.from('\r\n')

/**
 * Connects, and resolves when the server has greeted. Rejects with a Fault of kind `next-hop`, also
 * for a code other than 220.
 */
export async function callNextServer(
  address: { readonly text: string; readonly options: NetConnectOpts },
  timeouts: NextServerTimeouts,
): Promise<NextServer> {
  const socket = connect({ ...address.options, noDelay: true })
  const server = new NextServer(socket, address.text, timeouts)
  await server.greeted()
  return server
}

/**
 * A connection to the server that receives the mail. After any error, the connection is closed, `lost`
 * contains the reason, and every call rejects with a Fault of kind `next-hop` that names the server.
 */
export class NextServer {
  readonly #socket: Socket
  readonly #wire: ServerWire
  readonly #name: string
  readonly #timeouts: NextServerTimeouts
  readonly #lines = new LineReader(REPLY_LINE_MAX)
  readonly #replies = new SmtpReplyReader()
  /** When all answers to the content are due, on the clock of readUptime(). */
  #answersDue = 0

  /** Takes a socket that is connecting. */
  constructor(socket: Socket, name: string, timeouts: NextServerTimeouts) {
    this.#socket = socket
    this.#name = name
    this.#timeouts = timeouts
    this.#wire = new ServerWire(socket, {
      push: (chunk) => {
        this.#lines.push(chunk)
        if (this.#lines.pending > UNREAD_MAX) throw new Error('sent a reply without a command')
      },
      explain: (error) => this.#fault(error ? errorText(error) : 'closed the connection'),
    })
  }

  /** Why the connection cannot be used any longer, or undefined while it can. */
  get lost(): Error | undefined {
    return this.#wire.lost
  }

  /** The IP address of this end, or undefined for a unix socket. */
  get ownAddress(): string | undefined {
    return this.#socket.localAddress
  }

  /** Resolves when the server has greeted. */
  async greeted(): Promise<void> {
    await this.#within(
      this.#timeouts.connection,
      'has not accepted the connection',
      this.#wire.connected(),
    )
    const greeting = await this.#nextReply(this.#timeouts.command)
    if (greeting.code === 220) return
    throw this.#fail(`greeted with ${greeting.bytes.toString('latin1').trim()}`)
  }

  /** Sends QUIT with this line, and resolves to the reply. */
  quit(line: Buffer): Promise<RawReply> {
    return this.ask(line, this.#timeouts.quit)
  }

  /**
   * Sends a line, given without its end, and resolves to the reply. `within` may shorten the time
   * that it has.
   */
  async ask(line: Buffer | string, within = this.#timeouts.command): Promise<RawReply> {
    await this.send([withEnd(line)])
    return this.#nextReply(Math.min(within, this.#timeouts.command))
  }

  /** Sends DATA, and resolves to the reply. */
  async startData(): Promise<RawReply> {
    await this.send([withEnd('DATA')])
    return this.#nextReply(this.#timeouts.data)
  }

  /**
   * Sends some of the content in one write, and resolves when it was taken. The memory of the pieces may
   * be released then: the caller must not use them again.
   */
  async send(pieces: readonly Buffer[]): Promise<void> {
    if (this.#lines.pending > 0 && this.lost === undefined) this.#fail(this.#unasked())
    await this.#within(this.#timeouts.block, 'has accepted no data', this.#wire.send(...pieces))
    for (const piece of pieces) releaseBuffer(piece)
  }

  /** Sends the last of the content, and resolves to the reply. */
  async endData(pieces: readonly Buffer[]): Promise<RawReply> {
    await this.send(pieces)
    this.#answersDue = readUptime() + this.#timeouts.end
    return this.readReply()
  }

  /** Resolves to one more reply to the same content: LMTP has one for each recipient. */
  readReply(): Promise<RawReply> {
    return this.#nextReply(this.#timeouts.end, this.#answersDue - readUptime())
  }

  /** Ends the connection at once. */
  close(): void {
    this.#fail('the connection was closed')
  }

  #fault(reason: string): Fault {
    return new Fault('next-hop', `next server ${this.#name}: ${reason}`)
  }

  #fail(reason: string): Error {
    return this.#wire.end(this.#fault(reason))
  }

  #nextReply(limit: number, left = limit): Promise<RawReply> {
    const reply = this.#wire.read(() => this.#takeReply())
    return this.#within(limit, 'has not answered', reply, left)
  }

  /** Waits `left` milliseconds for a reply of the server. `limit` is for the error. */
  async #within<Value>(
    limit: number,
    what: string,
    work: Promise<Value>,
    left = limit,
  ): Promise<Value> {
    const value = await withTimeout(work, left)
    if (value === TIMED_OUT) throw this.#fail(`${what} in ${formatDuration(limit)}`)
    return value
  }

  /** Returns the next complete reply, or undefined if there is none. */
  #takeReply(): RawReply | undefined {
    try {
      for (let line = this.#lines.next(); line; line = this.#lines.next()) {
        const reply = this.#replies.take(line)
        if (reply !== undefined) return reply
      }
    } catch (error) {
      this.#fail(errorText(error))
    }
    return undefined
  }

  /** Returns the reason for a reply without a request: a 421 is regular (RFC 5321 3.8). */
  #unasked(): string {
    const reply = this.#takeReply()
    if (reply?.code !== 421) return 'sent an unexpected reply'
    return `closed the connection: 421 ${replyTexts(reply).join(' ')}`
  }
}

function withEnd(line: Buffer | string): Buffer {
  return Buffer.concat([typeof line === 'string' ? Buffer.from(line, 'latin1') : line, CRLF])
}
