import { Fault } from '../../ground/errors/fault.ts'
import type { NextServer } from './next-server.ts'
import { bye, CLOSING, mailLoop, nextServerChanged, nextServerLost, ok } from './own-replies.ts'
import type { SmtpServer } from './server.ts'
import { type EhloReply, extensionsBetween, readEhloReply } from './wire/extensions.ts'
import { type RawReply, rawReply } from './wire/replies.ts'

/** XFORWARD commands that are repeated on a new connection to the next server. */
const FORWARDS_MAX = 8

/**
 * A session's way to the next server. The connection is opened when a command first needs it. If
 * it breaks between messages, it is opened anew, and the next server is told again how the client
 * greeted and what XFORWARD said. Everything rejects with a Fault of kind `chain` if the next
 * server cannot be used.
 */
export class NextServerLink {
  readonly #server: SmtpServer
  readonly #isAmidTransaction: () => boolean
  #connection: NextServer | undefined
  #hello: Buffer | undefined
  #promised: readonly string[] = [] // extensions that the client counts on
  #forwards: Buffer[] = []
  #isBound = false

  constructor(server: SmtpServer, isAmidTransaction: () => boolean) {
    this.#server = server
    this.#isAmidTransaction = isAmidTransaction
  }

  /** The client's EHLO, HELO or LHLO as it was sent. */
  get hello(): Buffer | undefined {
    return this.#hello
  }

  /** The XFORWARD commands of the message to come, as they were sent. */
  get forwards(): readonly Buffer[] {
    return this.#forwards
  }

  /**
   * Whether the session lasts no longer than its connection, because XCLIENT cannot be repeated.
   */
  get isBound(): boolean {
    return this.#isBound
  }

  /** Returns the connection to the next server, which has been told who the client is. */
  async reach(): Promise<NextServer> {
    const before = this.#connection
    if (before !== undefined && before.lost === undefined) return before
    // What the next server was told of the message, or by XCLIENT, is lost with its connection.
    if (before?.lost && (this.#isAmidTransaction() || this.#isBound)) throw before.lost
    if (this.#server.loops.found) throw loopFault()
    const next = await this.#server.callNext()
    this.#connection = next
    if (this.#hello !== undefined) await this.#greetAgain(next, this.#hello)
    for (const line of this.#forwards) await next.ask(line)
    return next
  }

  /** Hands a command on as it was sent, and returns the reply. */
  async pass(line: Buffer): Promise<RawReply> {
    const next = await this.reach()
    const reply = await next.ask(line)
    if (reply.code >= 300 && reply.code < 400) {
      next.close() // it waits for something that is no command
      throw new Fault('chain', `the next server answers ${reply.code} to what is no content`)
    }
    if (reply.code === CLOSING) next.close()
    return reply
  }

  /**
   * Greets the next server as the client has greeted the door. If another client has done so
   * within the last minute, the answer is taken from there, and the connection can wait.
   */
  async greet(line: Buffer): Promise<RawReply> {
    const known = this.#connection === undefined ? this.#server.recallEhloReply() : undefined
    this.#hello = undefined
    if (known !== undefined) return this.#greetFromMemory(line, known)
    const reply = await this.#server.loops.whileWaiting(line, async () => {
      return this.#sayHello(await this.reach(), line)
    })
    if (reply.code !== 250) return reply
    this.#hello = line
    if (!isExtended(line)) return reply
    const offer = readEhloReply(reply)
    this.#promised = extensionsBetween(offer)
    return rawReply({ code: 250, lines: [offer.greeting, ...this.#promised] })
  }

  /** Hands XFORWARD on, and repeats it on later connections until `forget()`. */
  async forward(line: Buffer): Promise<RawReply> {
    const reply = await this.pass(line)
    if (reply.code < 300 && this.#forwards.length < FORWARDS_MAX) this.#forwards.push(line)
    return reply
  }

  /** Hands XCLIENT on; if it is taken, the session is bound to this connection. */
  async bind(line: Buffer): Promise<RawReply> {
    const reply = await this.pass(line)
    if (reply.code < 300) this.#isBound = true
    return reply
  }

  /** Forgets what XFORWARD has said: it is about one message. */
  forget(): void {
    this.#forwards = []
  }

  /** Hands NOOP on if there is a connection that could time out. */
  async noop(line: Buffer): Promise<RawReply> {
    return this.#connection === undefined ? ok : this.pass(line)
  }

  async reset(line: Buffer): Promise<RawReply> {
    return this.#isOpen() ? this.pass(line) : ok
  }

  /** Says goodbye and closes. Never rejects. */
  async quit(line: Buffer): Promise<RawReply> {
    if (!this.#isOpen()) return bye
    const reply = await this.pass(line).catch(() => bye)
    this.close()
    return reply
  }

  /** Returns the reply to a client whose command met a fault of kind `chain`. */
  replyToFault(): RawReply {
    if (this.#isBound) return nextServerChanged
    return this.#server.loops.found ? mailLoop : nextServerLost
  }

  close(): void {
    this.#connection?.close()
  }

  #isOpen(): boolean {
    return this.#connection !== undefined && this.#connection.lost === undefined
  }

  #greetFromMemory(line: Buffer, known: EhloReply): RawReply {
    this.#hello = line
    const [name = ''] = known.greeting.split(' ', 1) // the rest may address another client
    this.#promised = isExtended(line) ? extensionsBetween(known) : []
    return rawReply({ code: 250, lines: [name, ...this.#promised] })
  }

  async #greetAgain(next: NextServer, hello: Buffer): Promise<void> {
    const reply = await this.#sayHello(next, hello)
    if (reply.code !== 250) throw this.#notAsPromised(`${reply.code} to a greeting`)
    const offered = extensionsBetween(readEhloReply(reply)).map(keywordOf)
    const missing = this.#promised.find((extension) => !offered.includes(keywordOf(extension)))
    if (missing !== undefined) throw this.#notAsPromised(`no ${missing} any more`)
  }

  async #sayHello(next: NextServer, line: Buffer): Promise<RawReply> {
    const reply = await next.ask(line)
    if (reply.code === 250 && isExtended(line)) {
      this.#server.rememberEhloReply(readEhloReply(reply))
    }
    return reply
  }

  /** The client was promised something else: it is told to connect again and ask anew. */
  #notAsPromised(what: string): Fault {
    this.#connection?.close()
    this.#isBound = true
    return new Fault('chain', `the next server has changed: ${what}`)
  }
}

export const loopFault = () => new Fault('chain', 'the next server leads back to this place')

const keywordOf = (extension: string) => extension.split(' ', 1)[0]!.toUpperCase()

const isExtended = (hello: Buffer) => !/^helo/i.test(hello.toString('latin1', 0, 4))
