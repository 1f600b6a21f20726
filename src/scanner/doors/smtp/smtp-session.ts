import { errorText, isFault } from '../../../base/errors/fault.ts'
import { addressKey } from '../../../base/net/ip-address.ts'
import { NO_PROXY_PROTOCOL, PROXY_STARTS } from '../../../base/protocol/proxy-protocol.ts'
import { isPlainPath } from '../../../base/text/address.ts'
import { clientNameOf, type Origin } from '../../../mail/message/envelope.ts'
import {
  refuseNotPlain,
  refuseRecipient,
  type SendingClient,
} from '../../handling/recipients/refuse-recipient.ts'
import {
  type ClientAttributes,
  mayPass,
  parseAttributes,
  parseCommand,
  parsePath,
  type SmtpCommand,
  words,
} from '../../protocol/smtp/smtp-commands.ts'
import type { SmtpLine } from '../../protocol/smtp/smtp-lines.ts'
import { type RawReply, rawReply } from '../../protocol/smtp/smtp-replies.ts'
import { plainAddress } from '../../protocol/smtp/smtp-syntax.ts'
import { CLOSING, ownReply } from '../../scan/replies/own-replies.ts'
import type { SmtpConnection } from './client/smtp-connection.ts'
import { NextServerLink } from './next-server/link.ts'
import type { SmtpServices } from './next-server/smtp-services.ts'
import { TransactionLog } from './transaction/smtp-log.ts'
import { SmtpTransaction } from './transaction/smtp-transaction.ts'

const CRLF = Buffer.from('\r\n')
/** Bytes that show whether a session begins with another protocol. */
const LONGEST_START = Math.max(...PROXY_STARTS.map(({ length }) => length))

/**
 * One client's connection. Commands go to the next server unchanged, and so do its replies to the client. The
 * content of a message is received here, and passed on after it was judged.
 */
export class SmtpSession {
  readonly #services: SmtpServices
  readonly #client: SmtpConnection
  /** Address of the client, or undefined for a unix socket. */
  readonly #peer: string | undefined
  readonly #nextServer: NextServerLink
  #transaction: SmtpTransaction | undefined
  /** The name that the client has greeted with. */
  #helo: string | undefined
  /** The XCLIENT attributes of the client, for the whole session. */
  #xclient: ClientAttributes = {}
  /** The XFORWARD attributes, for one message. */
  #xforward: ClientAttributes = {}
  #isOver = false
  /** The first bytes of the session. */
  #firstLines: Buffer = Buffer.alloc(0)

  constructor(services: SmtpServices, client: SmtpConnection, peer: string | undefined) {
    this.#services = services
    this.#client = client
    this.#peer = peer
    this.#nextServer = new NextServerLink(services.callNext)
  }

  /** Whether MAIL was accepted and the message has not ended. */
  get isAmidMessage(): boolean {
    return this.#transaction !== undefined
  }

  get isBeyondRecall(): boolean {
    return this.#transaction?.isBeyondRecall === true
  }

  get clientAddress(): string | undefined {
    return this.#sendingClient().origin.clientAddress
  }

  /** Serves the client until it disconnects, sends QUIT, or is dismissed. Never rejects. */
  async run(): Promise<void> {
    this.#greetClient()
    try {
      while (!this.#isOver) {
        const line = await this.#client.line()
        if (line === undefined) break
        const replies = await this.#answer(line)
        this.#client.send(...replies)
        this.#endIfDue(replies)
      }
    } catch (error) {
      this.#complainAbout(error)
      this.#client.send(ownReply.closingAfterError)
    } finally {
      this.#dropTransaction()
      this.#nextServer.close()
      this.#client.hangUp()
    }
  }

  #greetClient(): void {
    const { hostname, isLmtp } = this.#services
    this.#client.send(rawReply({ code: 220, lines: [`${hostname} ${isLmtp ? 'LMTP' : 'ESMTP'}`] }))
  }

  /** Returns the replies to a line: several only to the content of a message over LMTP. */
  async #answer(line: SmtpLine): Promise<readonly RawReply[]> {
    if (line.kind === 'too-long') return [ownReply.lineTooLong]
    if (this.#beginsAsProxy(line.bytes)) {
      this.#isOver = true
      this.#services.complain(`${this.#peer ?? 'a client'}: ${NO_PROXY_PROTOCOL}`)
      return [ownReply.proxyProtocol]
    }
    if (line.isBare && this.#services.refusesBareNewlines) {
      this.#isOver = true
      return [ownReply.bareLineFeed]
    }
    const command = parseCommand(line.bytes)
    if (command === undefined) return [ownReply.notACommand]
    try {
      const reply = await this.#take(command)
      return Array.isArray(reply) ? reply : [reply as RawReply]
    } catch (error) {
      if (!isFault(error) || error.kind !== 'next-hop') throw error
      return [this.#logged(error, ownReply.nextServerGone)]
    }
  }

  /** Returns whether the client has begun with the PROXY protocol, whose version 2 begins with three lines. */
  #beginsAsProxy(line: Buffer): boolean {
    if (this.#firstLines.length > LONGEST_START) return false
    this.#firstLines = Buffer.concat([this.#firstLines, line.subarray(0, LONGEST_START), CRLF])
    return PROXY_STARTS.some((start) => {
      const length = Math.min(start.length, start.lastIndexOf('\n', -2) + 1 || start.length)
      return this.#firstLines.subarray(0, length).equals(start.subarray(0, length))
    })
  }

  #take(command: SmtpCommand): Promise<RawReply | readonly RawReply[]> | RawReply {
    const { verb, line } = command
    switch (verb) {
      case this.#services.isLmtp ? 'LHLO' : 'EHLO':
      case this.#services.isLmtp ? 'LHLO' : 'HELO':
        return this.#greet(command)
      // RFC 2033 4.1: the command of the other protocol. Its answer would offer extensions that are not
      // supported here.
      case 'EHLO':
      case 'HELO':
      case 'LHLO':
        return ownReply.notACommand
      case 'MAIL':
        return this.#startTransaction(command)
      case 'RCPT':
        return this.#addRecipient(command)
      case 'DATA':
        return this.#receiveMessage(command)
      case 'RSET':
        return this.#reset(line)
      case 'NOOP':
        return this.#nextServer.passIfOpen(line)
      case 'QUIT':
        this.#isOver = true
        return this.#nextServer.quit(line)
      case 'XFORWARD':
      case 'XCLIENT':
        return this.#learnAttributes(command)
      case '':
        return ownReply.notACommand
      case 'BDAT':
        this.#isOver = true // the next bytes are content, or part of it
        return ownReply.noChunks
      default:
        return mayPass(verb) ? this.#nextServer.pass(line) : ownReply.notThroughHere
    }
  }

  /** RFC 5321 4.1.4: a refused greeting changes no state, here and at the next server. */
  async #greet({ line, argument }: SmtpCommand): Promise<RawReply> {
    const reply = await this.#nextServer.greet(line)
    if (reply.code !== 250) return reply
    this.#startAnew()
    this.#helo = words(argument)[0]?.toString('latin1')
    return reply
  }

  async #startTransaction({ line, argument }: SmtpCommand): Promise<RawReply> {
    const path = parsePath(argument, 'FROM:')
    if (path === undefined) return ownReply.addressMissing
    const transaction = new SmtpTransaction(
      line,
      path,
      this.#services,
      addressKey(this.clientAddress),
    )
    try {
      await this.#services.lookAtSwitch()
      const reply = await this.#nextServer.pass(line)
      if (reply.code >= 300) return reply
      this.#dropTransaction()
      this.#transaction = transaction
      this.#client.progress.reached(0)
      return reply
    } finally {
      if (this.#transaction !== transaction) transaction.recipients.free()
    }
  }

  /** Checks a recipient, and reserves memory for it, before sending it to the next server. */
  async #addRecipient({ line, argument }: SmtpCommand): Promise<RawReply> {
    const transaction = this.#transaction
    if (transaction === undefined) return ownReply.mailFirst
    const path = parsePath(argument, 'TO:')?.path
    if (path === undefined) return ownReply.addressMissing
    const refusal = await this.#refuseRecipient(path, transaction)
    if (refusal !== undefined) return rawReply(refusal)
    const { recipients } = transaction
    try {
      recipients.add(line)
    } catch (error) {
      if (!isFault(error)) throw error
      return ownReply.noRoomForRecipient
    }
    let isTaken = false
    try {
      const reply = await this.#nextServer.pass(line)
      isTaken = reply.code < 300
      if (isTaken) this.#client.progress.reached(recipients.count)
      return reply
    } finally {
      if (!isTaken) recipients.removeLast()
    }
  }

  #refuseRecipient(path: Buffer, transaction: SmtpTransaction) {
    const { needsPlainRecipients, isQueued, log } = this.#services
    const client = this.#sendingClient()
    if (needsPlainRecipients && !isPlainPath(path)) {
      return refuseNotPlain(path, transaction, client.origin, log, isQueued)
    }
    return refuseRecipient(path, transaction, this.#services, client)
  }

  async #receiveMessage({ argument }: SmtpCommand): Promise<RawReply | readonly RawReply[]> {
    const transaction = this.#transaction
    if (transaction === undefined) return ownReply.mailFirst
    if (argument.length > 0) return ownReply.dataHasArgument
    if (transaction.recipients.count === 0) return ownReply.noRecipient
    const next = await this.#nextServer.reach()
    if (this.#client.hasMore) {
      // Content or commands? A client that sends more has not waited for the answer.
      this.#isOver = true
      this.#services.complain(`${this.#peer ?? 'a client'} sent content before the reply to DATA`)
      return ownReply.sentTooEarly
    }
    const onward = { next, forwards: [...this.#nextServer.forwards] }
    try {
      return await transaction.receive(this.#client, onward, this.#sendingClient())
    } finally {
      if (this.#client.isAmidContent) this.#isOver = true // the rest would be read as commands
      this.#startAnew()
    }
  }

  async #reset(line: Buffer): Promise<RawReply> {
    const reply = await this.#nextServer.passIfOpen(line)
    if (reply.code < 300) this.#startAnew()
    return reply
  }

  /** The mail server in front describes its own client: XFORWARD_README, XCLIENT_README. */
  async #learnAttributes({ verb, line, argument }: SmtpCommand): Promise<RawReply> {
    const isForward = verb === 'XFORWARD'
    const reply = await (isForward ? this.#nextServer.forward(line) : this.#nextServer.pass(line))
    if (reply.code >= 300) return reply
    const attributes = parseAttributes(argument)
    if (isForward) {
      this.#xforward = { ...this.#xforward, ...attributes }
    } else {
      // As after a new connection: the client has to greet again.
      this.#xclient = { ...this.#xclient, ...attributes }
      this.#startAnew()
      this.#helo = undefined
    }
    return reply
  }

  #endIfDue(replies: readonly RawReply[]): void {
    if (replies.some(({ code }) => code === CLOSING)) this.#isOver = true
    else if (this.#services.isStopping && !this.#isOver && !this.isAmidMessage) {
      this.#client.send(ownReply.stopping)
      this.#isOver = true
    }
  }

  /** Discards the message and its XFORWARD attributes. */
  #startAnew(): void {
    this.#dropTransaction()
    this.#nextServer.forget()
    this.#xforward = {}
  }

  #dropTransaction(): void {
    this.#transaction?.recipients.free()
    this.#transaction = undefined
  }

  /**
   * Returns the sending client: the attributes that the upstream server has sent by XFORWARD or XCLIENT, or
   * else those of the connection itself.
   */
  #sendingClient(): SendingClient {
    const { ADDR, NAME, HELO, IDENT, LOGIN, SOURCE } = { ...this.#xclient, ...this.#xforward }
    const origin: Origin = {
      interface: 'smtp',
      clientAddress: ADDR === undefined ? this.#peer : plainAddress(ADDR),
      clientName: clientNameOf(NAME),
      helo: HELO ?? this.#helo,
      login: LOGIN,
      queueId: IDENT,
    }
    return { origin, mayRelay: SOURCE?.toUpperCase() === 'LOCAL' || LOGIN !== undefined }
  }

  /** Logs why mail is deferred, and returns the reply. */
  #logged(error: unknown, reply: RawReply): RawReply {
    const log = new TransactionLog(this.#services, this.#sendingClient().origin)
    log.fault(error, [{ reply, sent: reply.code }])
    return reply
  }

  #complainAbout(error: unknown): void {
    const stack = error instanceof Error && !isFault(error) ? error.stack : undefined
    this.#services.complain(`${this.#peer ?? 'a client'}: ${stack ?? errorText(error)}`)
  }
}
