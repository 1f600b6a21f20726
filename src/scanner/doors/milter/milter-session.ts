import { Fault, isFault } from '../../../base/errors/fault.ts'
import { ABORTED, unlessAborted } from '../../../base/flow/timeout.ts'
import type { LogField } from '../../../base/log/line-format.ts'
import { addressKey } from '../../../base/net/ip-address.ts'
import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import { isPlainPath } from '../../../base/text/address.ts'
import { clientNameOf } from '../../../mail/message/envelope.ts'
import {
  refuseNotPlain,
  refuseRecipient,
  type SendingClient,
} from '../../handling/recipients/refuse-recipient.ts'
import { faultLine, type LogContext } from '../../log/message-lines.ts'
import { Macros } from '../../protocol/milter/macros.ts'
import type { ConnectingClient, MilterCommand } from '../../protocol/milter/milter-commands.ts'
import {
  type Agreement,
  agree,
  type Capabilities,
  encodeNegotiation,
} from '../../protocol/milter/milter-offer.ts'
import { continued, smtpReply } from '../../protocol/milter/milter-replies.ts'
import type { SmtpReply } from '../../protocol/smtp/smtp-syntax.ts'
import { ownReply } from '../../scan/replies/own-replies.ts'
import { receivesNothing } from '../../serving/wire.ts'
import { MilterMessage } from './milter-message.ts'
import { isAnswered, optionsToRequest } from './milter-negotiation.ts'
import type { MilterServices } from './milter-services.ts'
import { resolvedFrom } from './recipient-path.ts'

/** Upper limit for the kept characters of a client's name. */
const CLIENT_NAME_MAX = 1024

const copied = (name: Buffer) => name.toString('latin1', 0, CLIENT_NAME_MAX) || undefined

const noRoom = smtpReply(ownReply.noRoomForRecipient)

/** The macros that are read: those that milter-negotiation.ts requests. */
const MACROS = ['i', 'auth_authen', 'rcpt_addr']

/** The answer to a command, or undefined if there is none. Some answers are asynchronous. */
type Answered = Buffer | undefined | Promise<Buffer | undefined>

/**
 * One MTA's connection: any number of SMTP clients, one after the other, each with any number of
 * messages.
 */
export class MilterSession {
  readonly #services: MilterServices
  readonly #isLocal: boolean
  readonly #macros = new Macros(MACROS)
  #agreement: Agreement | undefined
  #client: Omit<ConnectingClient, 'host'> | undefined
  #clientName: string | undefined
  #helo: string | undefined
  #message: MilterMessage | undefined
  #complainedOf: MilterMessage | undefined // trouble with a message is logged once
  #hasQuit = false

  /** `isLocal`: the MTA is on this host and uses a unix socket. */
  constructor(services: MilterServices, isLocal: boolean) {
    this.#services = services
    this.#isLocal = isLocal
  }

  /** Whether the protocol was negotiated, which is the first step of every MTA. */
  get hasNegotiated(): boolean {
    return this.#agreement !== undefined
  }

  /** Whether MAIL was received and the message has not ended. */
  get isAmidMessage(): boolean {
    return this.#message !== undefined
  }

  /**
   * Whether the header or the body has begun: from then on the MTA waits only for this
   * milter.
   */
  get isAmidContent(): boolean {
    return this.#message?.isAmidContent === true
  }

  /** Whether the MTA has sent the command to quit. */
  get hasQuit(): boolean {
    return this.#hasQuit
  }

  /** Frees everything, because the conversation has ended. Logs the message that was deferred by that. */
  close(gone: AbortSignal): void {
    const isDeferred = gone.aborted && !receivesNothing(gone)
    if (isDeferred) this.#message?.logDeferral(this.#sendingClient().origin)
    this.#dropMessage()
  }

  /**
   * Handles a command and returns its answer. After `gone` is aborted, no answer is needed. Throws a
   * WireError if the command is out of sequence.
   */
  answer(command: MilterCommand, gone: AbortSignal): Answered {
    if (command.kind === 'negotiate') return this.#negotiate(command.offer)
    const agreement = this.#agreement
    if (agreement === undefined) throw new WireError(`${command.kind} before the negotiation`)
    const goOn = isAnswered(command.kind, agreement) ? continued : undefined
    switch (command.kind) {
      case 'macros':
        this.#macros.set(command.stage, command.values)
        return undefined
      case 'connect': {
        const { family, address, port } = command
        this.#client = { family, address, port } // not the host: that is a view of the packet
        this.#clientName = clientNameOf(copied(command.host))
        this.#helo = undefined
        return goOn
      }
      case 'mail':
        return this.#startMessage(command, goOn)
      case 'recipient':
        return this.#takeRecipient(command.path, agreement, goOn, gone)
      case 'field':
        this.#messageFor('a header field').field(command.name, command.value, agreement)
        return goOn
      case 'end-of-header':
        this.#messageFor('end of header').endHeader(agreement)
        return goOn
      case 'body':
        this.#messageFor('body').body(command.chunk)
        return goOn
      case 'end-of-message':
        return this.#endMessage(command.chunk, agreement, gone)
      case 'helo':
        this.#helo = copied(command.name)
        return goOn
      case 'data':
      case 'unknown-smtp':
        return goOn
      case 'abort':
        this.#dropMessage()
        this.#macros.endMessage()
        return undefined
      case 'quit':
        this.#dropMessage()
        this.#hasQuit = true
        return undefined
      case 'quit-new-connection':
        this.#dropMessage()
        this.#macros.endConnection()
        this.#client = undefined
        this.#clientName = undefined
        this.#helo = undefined
        return undefined
    }
  }

  #negotiate(offer: Capabilities): Buffer {
    if (this.#agreement !== undefined) throw new WireError('a second negotiation')
    const { quota, rules, needsPlainRecipients } = this.#services
    const mayRefuse = quota !== undefined || rules !== undefined || needsPlainRecipients
    const request = optionsToRequest(mayRefuse, this.#isLocal)
    this.#agreement = agree(offer, request)
    return encodeNegotiation(this.#agreement, request.macros)
  }

  async #startMessage(
    command: MilterCommand & { kind: 'mail' },
    goOn: Buffer | undefined,
  ): Promise<Buffer | undefined> {
    this.#dropMessage() // a new message ends the old one, as in libmilter
    this.#message = new MilterMessage(command, this.#services, addressKey(this.#remote()))
    await this.#services.lookAtSwitch()
    return goOn
  }

  #dropMessage(): void {
    this.#message?.close()
    this.#message = undefined
  }

  #messageFor(what: string): MilterMessage {
    if (this.#message === undefined) throw new WireError(`${what} without MAIL`)
    return this.#message
  }

  #remote(): string | undefined {
    return this.#client?.family.startsWith('inet') ? this.#client.address : undefined
  }

  #sendingClient(): SendingClient {
    const login = this.#macros.get('auth_authen') || undefined
    const origin = {
      interface: 'milter',
      clientAddress: this.#remote(),
      clientName: this.#clientName,
      helo: this.#helo,
      login,
      queueId: this.#macros.get('i'),
    } as const
    return { origin, mayRelay: login !== undefined }
  }

  /**
   * Returns whether a local program submits the mail, for which Postfix imitates a client (cleanup_milter.c).
   * A single recipient cannot be refused then: Postfix would bounce the message for all recipients.
   */
  #isLocalSubmission(): boolean {
    return this.#client?.port === 0 && this.#client.address === '127.0.0.1'
  }

  /** Returns the context for a log line about a recipient whose mailbox has no room. */
  #aboutRefusal(): LogContext {
    const doorFields: LogField[] = [
      ['reply', ownReply.noRoomForRecipient.code],
      ['interface', 'milter'],
      ['queue', this.#macros.get('i')],
    ]
    return { doorFields, remote: this.#remote(), transaction: undefined, total: 0 }
  }

  /**
   * Adds a recipient. If there is no room for it, it is deferred, or the whole message is if the MTA accepts
   * no answer to RCPT.
   */
  #addRecipient(path: Buffer, to: MilterMessage, answer: Buffer | undefined): Buffer | undefined {
    try {
      to.addRecipient(path)
      return answer
    } catch (error) {
      if (!isFault(error)) throw error
      if (answer === undefined) {
        to.defer(error)
        return undefined
      }
      if (this.#complainedOf !== to) this.#services.log(faultLine(error, this.#aboutRefusal()))
      this.#complainedOf = to
      return noRoom
    }
  }

  /**
   * Refuses a recipient if a rule refuses it, if it is over quota, or if its mailbox is unknown because its
   * path is not plain and the MTA has not resolved it.
   */
  #takeRecipient(
    written: Buffer,
    agreement: Agreement,
    answer: Buffer | undefined,
    gone: AbortSignal,
  ): Answered {
    const to = this.#messageFor('RCPT')
    const path = this.#countedPath(written)
    const client = this.#sendingClient()
    if (path === undefined) {
      const reply = refuseNotPlain(written, to, client.origin, this.#services.log)
      if (answer !== undefined) return smtpReply(reply)
      to.defer(new Fault('envelope', 'a recipient is not written as user@domain'))
      return undefined
    }
    const named = path.equals(written) ? path : resolvedFrom(written, path)
    const isRefusedAlone = !agreement.lacksSteps && !this.#isLocalSubmission()
    const isAsked = answer !== undefined && isRefusedAlone
    const refusal = isAsked && refuseRecipient(path, to, this.#services, client)
    if (!(refusal instanceof Promise)) {
      return refusal ? smtpReply(refusal) : this.#addRecipient(named, to, answer)
    }
    return this.#refuseOrAdd(refusal, gone, () => this.#addRecipient(named, to, answer))
  }

  /**
   * Answers when the check is complete. If the MTA disconnects, the result is not awaited and nothing is
   * done.
   */
  async #refuseOrAdd(
    refusal: Promise<SmtpReply | undefined>,
    gone: AbortSignal,
    add: () => Buffer | undefined,
  ): Promise<Buffer | undefined> {
    const reply = await unlessAborted(refusal, gone)
    if (reply === ABORTED) return undefined
    return reply ? smtpReply(reply) : add()
  }

  /**
   * Returns a copy of the path of the mailbox that the mail goes to. This is the path of RCPT if it is plain
   * and has a domain, or else the path to which the MTA has resolved it. Returns undefined if neither is
   * plain.
   */
  #countedPath(path: Buffer): Buffer | undefined {
    if (!this.#services.needsPlainRecipients || this.#isLocalSubmission()) return Buffer.from(path)
    const isPlain = isPlainPath(path)
    if (isPlain && path.includes('@')) return Buffer.from(path)
    const resolved = Buffer.from(`<${this.#macros.get('rcpt_addr') ?? ''}>`, 'latin1')
    if (isPlainPath(resolved)) return resolved
    return isPlain ? Buffer.from(path) : undefined
  }

  async #endMessage(chunk: Buffer, agreement: Agreement, gone: AbortSignal): Promise<Buffer> {
    const whole = this.#messageFor('end of message')
    whole.body(chunk)
    try {
      return await whole.end(agreement, this.#sendingClient(), gone)
    } finally {
      this.#dropMessage()
      this.#macros.endMessage()
    }
  }
}
