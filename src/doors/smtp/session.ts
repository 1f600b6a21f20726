import { errorText, Fault, isFault } from '../../ground/errors/fault.ts'
import { isAskedAbout } from '../../judge/over-quota.ts'
import { readAddress } from '../../message/envelope/address.ts'
import { clientNameOf, type Origin } from '../../message/envelope/origin.ts'
import { faultLine } from '../shared/log/log-lines.ts'
import { refuseByRule } from '../shared/refuse-by-rule.ts'
import { refuseFull } from '../shared/refuse-full.ts'
import { NO_ROOM } from '../shared/replies/smtp-reply.ts'
import { bareAddress } from '../shared/wire/smtp-path.ts'
import type { SmtpClient } from './client.ts'
import { loopReply } from './loops.ts'
import type { NextServer } from './next-server.ts'
import type { SmtpServer } from './server.ts'
import {
  NEXT_SERVER_LOST,
  openTransaction,
  type SendingClient,
  type SmtpTransaction,
} from './transaction.ts'
import { parseCommand, parsePath, type SmtpCommand } from './wire/commands.ts'
import { extensionsBetween, mayPass, readEhloReply } from './wire/extensions.ts'
import { type RawReply, rawReply } from './wire/replies.ts'
import { type ClientAttributes, parseAttributes, plainAddress } from './wire/xforward.ts'

const ours = (code: number, enhanced: string, ...lines: readonly string[]) =>
  rawReply({ code, enhanced, lines })

const ok = ours(250, '2.0.0', 'Ok')
const bye = ours(221, '2.0.0', 'Bye')
const goOn = rawReply({ code: 354, lines: ['End data with <CR><LF>.<CR><LF>'] })
const noCommand = ours(500, '5.5.2', 'not a command')
const tooLong = ours(500, '5.5.2', 'the line is too long')
const noPath = ours(501, '5.5.4', 'the address is missing')
const noMail = ours(503, '5.5.1', 'MAIL comes first')
const noRecipient = ours(554, '5.5.1', 'no recipient was taken')
const noArgument = ours(501, '5.5.4', 'DATA has no argument')
const tooEarly = ours(554, '5.5.0', 'nothing may be sent before the answer to DATA')
const notHere = ours(502, '5.5.1', 'not through this filter')
const noRoom = rawReply(NO_ROOM)
const noNext = rawReply(NEXT_SERVER_LOST)
const changed = ours(421, '4.3.0', 'the next mail server has changed, try again')

export const stopping: RawReply = ours(421, '4.3.2', 'onescand is stopping, try again')

/** Lines of XFORWARD that are said again on a new connection to the next server. */
const FORWARDS_MAX = 8

/** RFC 5321 4.2.1: the server is about to close the connection. */
const CLOSING = 421

/**
 * One client's connection. What it says goes to the next server as it was said, and the replies
 * come back as they were given; but content is received here, and handed on when it was judged.
 */
export class SmtpSession {
  readonly #server: SmtpServer
  readonly #client: SmtpClient
  /** Address of the client; undefined on a socket with a path. */
  readonly #peer: string | undefined
  #hello: Buffer | undefined // as it was said
  #promised: readonly string[] = [] // extensions that the client counts on
  #next: NextServer | undefined
  #mail: SmtpTransaction | undefined
  #forwarded: ClientAttributes = {}
  #forwards: Buffer[] = [] // the lines
  #isBound = false // to this connection with the next server: XCLIENT cannot be said again
  #over = false

  constructor(server: SmtpServer, client: SmtpClient, peer: string | undefined) {
    this.#server = server
    this.#client = client
    this.#peer = peer
  }

  /** Whether a client has said who it is. */
  get greeted(): boolean {
    return this.#hello !== undefined
  }

  get amidMessage(): boolean {
    return this.#mail !== undefined
  }

  /** Converses until the client leaves, or is told to. Never rejects. */
  async run(): Promise<void> {
    const { hostname, lmtp } = this.#server
    this.#client.say(rawReply({ code: 220, lines: [`${hostname} ${lmtp ? 'LMTP' : 'ESMTP'}`] }))
    try {
      while (!this.#over) {
        const line = await this.#client.line()
        if (line === undefined) break
        const command = line.kind === 'line' ? parseCommand(line.bytes) : undefined
        const replies = command
          ? await this.#carryOut(command)
          : [line.kind === 'line' ? noCommand : tooLong]
        this.#client.say(...replies)
        if (replies.some(({ code }) => code === CLOSING)) this.#over = true
        else if (this.#server.stopping && !this.#over && this.#mail === undefined) {
          this.#client.say(stopping)
          this.#over = true
        }
      }
    } catch (error) {
      const stack = error instanceof Error && !isFault(error) ? error.stack : undefined
      this.#server.complain(`${this.#peer ?? 'a client'}: ${stack ?? errorText(error)}`)
      this.#client.say(ours(CLOSING, '4.3.0', 'closing the connection'))
    } finally {
      this.#dropMail()
      this.#next?.close()
      this.#client.leave()
    }
  }

  async #carryOut(command: SmtpCommand): Promise<readonly RawReply[]> {
    try {
      const reply = await this.#take(command)
      return Array.isArray(reply) ? reply : [reply as RawReply]
    } catch (error) {
      if (!isFault(error) || error.kind !== 'chain') throw error
      const reply = this.#isBound ? changed : this.#server.loops.found ? loopReply : noNext
      this.#server.log(faultLine(error, undefined, this.#logContext(reply)))
      return [reply]
    }
  }

  #take(command: SmtpCommand): Promise<RawReply | readonly RawReply[]> | RawReply {
    const { verb } = command
    switch (verb) {
      case this.#server.lmtp ? 'LHLO' : 'EHLO':
      case this.#server.lmtp ? 'LHLO' : 'HELO':
        return this.#greet(command)
      case 'MAIL':
        return this.#startMail(command)
      case 'RCPT':
        return this.#addRecipient(command)
      case 'DATA':
        return this.#receive(command)
      case 'RSET':
        return this.#reset(command)
      case 'NOOP':
        return this.#next === undefined ? ok : this.#pass(command)
      case 'QUIT':
        return this.#quit(command)
      case 'XFORWARD':
      case 'XCLIENT':
        return this.#learn(command)
      case '':
        return noCommand
      default:
        return mayPass(verb) ? this.#pass(command) : notHere
    }
  }

  /** The reply of the next server to a command as it was said. */
  async #pass({ line }: Pick<SmtpCommand, 'line'>): Promise<RawReply> {
    const next = await this.#reach()
    const reply = await next.ask(line)
    if (reply.code >= 300 && reply.code < 400) {
      next.close() // whatever it waits for is no command
      throw new Fault('chain', `the next server answers ${reply.code} to what is no content`)
    }
    if (reply.code === CLOSING) next.close()
    return reply
  }

  /** The connection to the next server, which is opened if there is none, and knows the client. */
  async #reach(): Promise<NextServer> {
    const before = this.#next
    if (before !== undefined && before.lost === undefined) return before
    // What it was told of the message, or who the client is, is lost with it.
    if (before?.lost && (this.#mail !== undefined || this.#isBound)) throw before.lost
    if (this.#server.loops.found) throw loopFault()
    this.#next = await this.#server.callNext()
    if (this.#hello !== undefined) {
      const reply = await this.#sayHello(this.#hello)
      if (reply.code !== 250) throw this.#notAsBefore(`${reply.code} to a greeting`)
      const offered = extensionsBetween(readEhloReply(reply)).map(keywordOf)
      const missing = this.#promised.find((extension) => !offered.includes(keywordOf(extension)))
      if (missing !== undefined) throw this.#notAsBefore(`no ${missing} any more`)
    }
    for (const line of this.#forwards) await this.#next.ask(line)
    return this.#next
  }

  /** The client was promised something else; it may ask anew. */
  #notAsBefore(what: string): Fault {
    this.#next?.close()
    this.#isBound = true
    return new Fault('chain', `the next server has changed: ${what}`)
  }

  async #sayHello(line: Buffer): Promise<RawReply> {
    const reply = await this.#next!.ask(line)
    if (reply.code === 250 && isExtended(line)) this.#server.rememberEhloReply(readEhloReply(reply))
    return reply
  }

  async #greet({ line }: SmtpCommand): Promise<RawReply> {
    const { loops } = this.#server
    if (loops.isOwnQuestion(line)) return loopReply
    this.#dropMail()
    this.#forget()
    const known = this.#next === undefined ? this.#server.recallEhloReply() : undefined
    this.#hello = undefined
    if (known === undefined) {
      const reply = await loops.whileWaiting(line, async () => {
        await this.#reach()
        return this.#sayHello(line)
      })
      if (reply.code !== 250) return reply
      this.#hello = line
      if (!isExtended(line)) return reply
      const offer = readEhloReply(reply)
      this.#promised = extensionsBetween(offer)
      return rawReply({ code: 250, lines: [offer.greeting, ...this.#promised] })
    }
    this.#hello = line
    const [name = ''] = known.greeting.split(' ', 1) // the rest may be for another client
    this.#promised = isExtended(line) ? extensionsBetween(known) : []
    return rawReply({ code: 250, lines: [name, ...this.#promised] })
  }

  async #startMail(command: SmtpCommand): Promise<RawReply> {
    const { loops } = this.#server
    if (loops.isOwnQuestion(command.line)) return loopReply
    const path = parsePath(command.argument, 'FROM:')
    if (path === undefined) return noPath
    const mail = openTransaction(command.line, path, this.#server)
    try {
      if (!mail.isTrial && loops.found) throw loopFault()
      const reply = await (mail.isTrial
        ? this.#startTrial()
        : loops.whileWaiting(command.line, () => this.#pass(command)))
      if (reply.code >= 300) return reply
      this.#dropMail()
      this.#mail = mail
      return reply
    } finally {
      if (this.#mail !== mail) mail.close()
    }
  }

  /**
   * The next server must be reachable, and hears nothing of the trial. As with all trials no line
   * is logged.
   */
  async #startTrial(): Promise<RawReply> {
    try {
      await this.#reach()
      return ok
    } catch (error) {
      return ours(451, '4.4.2', errorText(error))
    }
  }

  /** It is asked about, and gets room, before the next server hears of it. */
  async #addRecipient(command: SmtpCommand): Promise<RawReply> {
    const mail = this.#mail
    if (mail === undefined) return noMail
    const path = parsePath(command.argument, 'TO:')
    if (path === undefined) return noPath
    const refusal = mail.isTrial
      ? undefined
      : (this.#refuseByRule(mail, path.path) ?? (await this.#refuseFull(mail, path.path)))
    if (refusal !== undefined) return refusal
    try {
      mail.addRecipient(command.line)
    } catch (error) {
      if (!isFault(error)) throw error
      return noRoom
    }
    if (mail.isTrial) return ok
    let taken = false
    try {
      const { loops } = this.#server
      const reply = await loops.whileWaiting(command.line, () => this.#pass(command), path.path)
      taken = reply.code < 300
      return reply
    } finally {
      if (!taken) mail.removeLastRecipient()
    }
  }

  #refuseByRule({ sender, size }: SmtpTransaction, path: Buffer): RawReply | undefined {
    const { rules, log } = this.#server
    if (rules === undefined) return undefined
    const recipient = readAddress(bareAddress(path))
    const refusal = refuseByRule({ recipient, sender, size }, rules, { ...this.#sending(), log })
    return refusal && rawReply(refusal)
  }

  async #refuseFull(
    { sender, size }: SmtpTransaction,
    path: Buffer,
  ): Promise<RawReply | undefined> {
    const { quota, log } = this.#server
    const { relay, origin } = this.#sending()
    if (!quota || !isAskedAbout({ relay, bounceInjector: false }, quota)) return undefined
    const recipient = readAddress(bareAddress(path))
    const about = { recipient, sender, size, remote: origin.clientAddress }
    const refusal = await refuseFull(about, quota, { door: 'smtp', log })
    return refusal && rawReply(refusal)
  }

  async #receive({ argument }: SmtpCommand): Promise<RawReply | readonly RawReply[]> {
    const mail = this.#mail
    if (mail === undefined) return noMail
    if (argument.length > 0) return noArgument
    if (mail.recipients === 0) return noRecipient
    const next = await this.#reach()
    if (this.#client.hasMore) {
      // Content or commands? Whoever sends more has not waited for the answer.
      this.#over = true
      this.#server.complain(`${this.#peer ?? 'a client'} sent on before DATA was answered`)
      return tooEarly
    }
    const ended = this.#isOfOneClient ? this.#beginOnce(mail) : () => {}
    if (ended === undefined) {
      this.#server.log(faultLine(loopFault(), undefined, this.#logContext(loopReply)))
      return loopReply
    }
    this.#client.say(goOn)
    try {
      return await mail.receive(this.#client, next, this.#sending())
    } finally {
      ended()
      this.#dropMail()
      this.#forget()
    }
  }

  /**
   * Whether XFORWARD tells of a connection or a queue file: neither has the same message for the same
   * recipients twice at once. Postfix adds no Received field to what it forwards so.
   */
  get #isOfOneClient(): boolean {
    const { ADDR, PORT, IDENT } = this.#forwarded
    return IDENT !== undefined || (ADDR !== undefined && PORT !== undefined)
  }

  #beginOnce(mail: SmtpTransaction): (() => void) | undefined {
    return this.#server.loops.begin([...this.#forwards, ...mail.commands()], this.#client.gone)
  }

  async #reset(command: SmtpCommand): Promise<RawReply> {
    this.#dropMail()
    this.#forget()
    if (this.#next === undefined || this.#next.lost) return ok
    return this.#pass(command)
  }

  async #quit(command: SmtpCommand): Promise<RawReply> {
    this.#over = true
    if (this.#next === undefined || this.#next.lost) return bye
    const reply = await this.#pass(command).catch(() => bye)
    this.#next.close()
    return reply
  }

  /** What the mail server in front tells of its own client: XFORWARD_README, XCLIENT_README. */
  async #learn(command: SmtpCommand): Promise<RawReply> {
    const reply = await this.#pass(command)
    if (reply.code >= 300) return reply
    this.#forwarded = { ...this.#forwarded, ...parseAttributes(command.argument) }
    if (command.verb === 'XFORWARD') {
      if (this.#forwards.length < FORWARDS_MAX) this.#forwards.push(command.line)
    } else {
      this.#isBound = true
      this.#dropMail()
    }
    return reply
  }

  /** The attributes of XFORWARD are for one message. */
  #forget(): void {
    this.#forwards = []
    if (!this.#isBound) this.#forwarded = {}
  }

  #dropMail(): void {
    this.#mail?.close()
    this.#mail = undefined
  }

  #sending(): SendingClient {
    const { ADDR, NAME, HELO, IDENT, LOGIN, SOURCE } = this.#forwarded
    const origin: Origin = {
      door: 'smtp',
      clientAddress: ADDR === undefined ? this.#peer : plainAddress(ADDR),
      clientName: clientNameOf(NAME),
      helo: HELO ?? this.#hello?.toString('latin1').split(' ')[1],
      login: LOGIN,
      queueId: IDENT,
    }
    return { origin, relay: SOURCE?.toUpperCase() === 'LOCAL' || LOGIN !== undefined }
  }

  #logContext({ code }: RawReply) {
    const { origin } = this.#sending()
    return {
      door: [
        ['reply', code],
        ['door', 'smtp'],
        ['queue', origin.queueId],
      ] as const,
      remote: origin.clientAddress,
      transaction: undefined,
      total: 0,
    }
  }
}

const loopFault = () => new Fault('chain', 'the next server leads back to this place')

const keywordOf = (extension: string) => extension.split(' ', 1)[0]!.toUpperCase()

const isExtended = (hello: Buffer) => !/^helo/i.test(hello.toString('latin1', 0, 4))
