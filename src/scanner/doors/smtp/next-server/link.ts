import { Fault } from '../../../../base/errors/fault.ts'
import { offerBetween } from '../../../protocol/smtp/smtp-commands.ts'
import { type RawReply, rawReply } from '../../../protocol/smtp/smtp-replies.ts'
import { CLOSING, ownReply } from '../../../scan/replies/own-replies.ts'
import type { NextServer } from './next-server.ts'

/** XFORWARD commands that are repeated if a transaction is begun again. */
const FORWARDS_MAX = 8

/**
 * A session's connection to the next server. It is opened when a command first needs it, normally
 * the client's greeting, and lasts as long as the session. Everything rejects with a Fault of kind
 * `next-hop` if the next server cannot be used.
 */
export class NextServerLink {
  readonly #callNext: () => Promise<NextServer>
  #connection: NextServer | undefined
  #forwards: Buffer[] = []

  constructor(callNext: () => Promise<NextServer>) {
    this.#callNext = callNext
  }

  /** The XFORWARD commands of the next message, as they were sent. */
  get forwards(): readonly Buffer[] {
    return this.#forwards
  }

  async reach(): Promise<NextServer> {
    this.#connection ??= await this.#callNext()
    if (this.#connection.lost) throw this.#connection.lost
    return this.#connection
  }

  /** Hands a command on as it was sent, and returns the reply. */
  async pass(line: Buffer): Promise<RawReply> {
    const next = await this.reach()
    const reply = await next.ask(line)
    if (isIntermediate(reply)) {
      next.close() // it waits for something that is not a command
      throw new Fault(
        'next-hop',
        `the next server answers ${reply.code} to data that is not content`,
      )
    }
    if (reply.code === CLOSING) next.close()
    return reply
  }

  /** Sends the client's greeting to the next server. */
  async greet(line: Buffer): Promise<RawReply> {
    const reply = await this.pass(line)
    if (reply.code !== 250 || /^helo/i.test(line.toString('latin1', 0, 4))) return reply
    return rawReply({ code: 250, lines: offerBetween(reply) })
  }

  /** Hands XFORWARD on, and keeps it until `forget()`. */
  async forward(line: Buffer): Promise<RawReply> {
    const reply = await this.pass(line)
    if (reply.code < 300 && this.#forwards.length < FORWARDS_MAX) this.#forwards.push(line)
    return reply
  }

  /** Discards the XFORWARD attributes, which apply to one message. */
  forget(): void {
    this.#forwards = []
  }

  /** Hands NOOP or RSET on, if there is a connection. */
  async passIfOpen(line: Buffer): Promise<RawReply> {
    return this.#connection === undefined ? ownReply.ok : this.pass(line)
  }

  /** Sends QUIT and closes. Never rejects. */
  async quit(line: Buffer): Promise<RawReply> {
    const reply = await this.#connection?.quit(line).catch(() => undefined)
    this.close()
    return reply === undefined || isIntermediate(reply) ? ownReply.bye : reply
  }

  close(): void {
    this.#connection?.close()
  }
}

/** RFC 5321 4.2.1: the server waits for more, as after DATA. */
function isIntermediate({ code }: RawReply): boolean {
  return code >= 300 && code < 400
}
