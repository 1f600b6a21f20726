import { readAddress } from '../../envelope/address.ts'
import { clientNameOf, type Origin } from '../../envelope/origin.ts'
import { isAskedAbout } from '../../judge/over-quota.ts'
import type { QuotaLookup } from '../../quota/quota-answer.ts'
import { isFault } from '../../runtime/fault.ts'
import type { LogEntry } from '../../runtime/log.ts'
import { type Circumstances, faultLine } from '../shared/log-lines.ts'
import { bareAddress } from './address.ts'
import { type Mail, openMail } from './mail.ts'
import { isAnswered, wishOf } from './negotiation.ts'
import { refuseFull } from './refuse-full.ts'
import type { MilterServer } from './server.ts'
import type { Client, Command } from './wire/commands.ts'
import { createMacros } from './wire/macros.ts'
import { type Agreement, agree, negotiated } from './wire/negotiation.ts'
import { continued, smtpReply } from './wire/replies.ts'
import { WireError } from './wire/wire-error.ts'

/** One MTA's connection: any number of SMTP clients one after the other, each with any number of messages. */
export interface MilterSession {
  /** The answer, or undefined if there is none. Throws a WireError for a command that must not come now. */
  take(command: Command): Buffer | undefined | Promise<Buffer | undefined>
  /** Whether the MTA has said which protocol it speaks; before that it has said nothing. */
  readonly negotiated: boolean
  /** Whether a message has begun that is not over. */
  readonly amidMessage: boolean
  /** Whether its header or body has begun: from then on the MTA waits for this milter alone. */
  readonly amidContent: boolean
  /** Whether the MTA has said goodbye. */
  readonly over: boolean
  /** The MTA has gone: no answer is needed any more, and nothing is kept. */
  close(): void
}

/** Characters of a name that are kept. */
const NAME_MAX = 1024

const copied = (name: Buffer) => name.toString('latin1', 0, NAME_MAX) || undefined

/** RFC 3463: not now. It is our memory that is short. */
const NO_ROOM_CODE = 452
const noRoom = smtpReply({
  code: NO_ROOM_CODE,
  enhanced: '4.3.2',
  lines: ['too many recipients for now, try again later'],
})

/** Those that are asked for and looked at: negotiation.ts. */
const MACROS = ['i', 'auth_authen']

export function openSession(server: MilterServer): MilterSession {
  const macros = createMacros(MACROS)
  let agreement: Agreement | undefined
  let client: Omit<Client, 'host'> | undefined
  let clientName: string | undefined
  let helo: string | undefined
  let mail: Mail | undefined
  let complainedOf: Mail | undefined // once for each
  let over = false

  function goOn({ kind }: Command): Buffer | undefined {
    return isAnswered(kind, agreement!) ? continued : undefined
  }

  function dropMail(): void {
    mail?.close()
    mail = undefined
  }

  function current(what: string): Mail {
    if (mail === undefined) throw new WireError(`${what} without MAIL`)
    return mail
  }

  function isAuthenticated(): boolean {
    return (macros.get('auth_authen') ?? '') !== ''
  }

  function remote(): string | undefined {
    return client?.family.startsWith('inet') ? client.address : undefined
  }

  function origin(): Origin {
    return {
      door: 'milter',
      clientAddress: remote(),
      clientName,
      helo,
      login: macros.get('auth_authen') || undefined,
      queueId: macros.get('i'),
    }
  }

  /**
   * For mail of local programs Postfix plays a client (cleanup_milter.c). There is nobody to
   * refuse one recipient to, so it would keep the message back from all of them.
   */
  function isPlayed(): boolean {
    return client?.port === 0 && client.address === '127.0.0.1'
  }

  function isAsked(quota: QuotaLookup): boolean {
    return !isPlayed() && isAskedAbout({ relay: isAuthenticated(), bounceInjector: false }, quota)
  }

  function refused(): Circumstances {
    const door: LogEntry[] = [
      ['reply', NO_ROOM_CODE],
      ['door', 'milter'],
      ['queue', macros.get('i')],
    ]
    return { door, remote: remote(), transaction: undefined, total: 0 }
  }

  /** If there is no room for one more recipient, it is deferred, or the message if no recipient can be. */
  function admit(path: Buffer, to: Mail, answer: Buffer | undefined): Buffer | undefined {
    try {
      to.recipient(path)
      return answer
    } catch (error) {
      if (!isFault(error)) throw error
      if (answer === undefined) {
        to.defer(error)
        return undefined
      }
      if (complainedOf !== to) server.log(faultLine(error, undefined, refused()))
      complainedOf = to
      return noRoom
    }
  }

  function takeRecipient(command: Command & { kind: 'recipient' }) {
    const { quota } = server
    const to = current('RCPT')
    const answer = goOn(command)
    if (!quota || !answer || !isAsked(quota)) return admit(command.path, to, answer)
    const path = Buffer.from(command.path) // the packet is not ours for as long as we ask
    const { sender, size } = to
    const question = {
      recipient: readAddress(bareAddress(path)),
      sender,
      size,
      remote: remote(),
    }
    return refuseFull(question, quota, server.log).then(
      (refusal) => refusal ?? admit(path, to, answer),
    )
  }

  async function endMessage(chunk: Buffer): Promise<Buffer> {
    const whole = current('end of message')
    whole.body(chunk)
    try {
      return await whole.end({
        agreement: agreement!,
        authenticated: isAuthenticated(),
        remote: remote(),
        queueId: macros.get('i'),
        origin: origin(),
      })
    } finally {
      dropMail()
      macros.endMessage()
    }
  }

  function take(command: Command): Buffer | undefined | Promise<Buffer | undefined> {
    if (agreement === undefined && command.kind !== 'negotiate') {
      throw new WireError(`${command.kind} before the negotiation`)
    }
    switch (command.kind) {
      case 'negotiate': {
        if (agreement !== undefined) throw new WireError('a second negotiation')
        const wish = wishOf(server)
        agreement = agree(command.offer, wish)
        return negotiated(agreement, wish)
      }
      case 'macros':
        macros.set(command.stage, command.values)
        return undefined
      case 'connect': {
        const { family, address, port } = command
        client = { family, address, port } // the host's name is a view of the packet
        clientName = clientNameOf(copied(command.host))
        helo = undefined
        return goOn(command)
      }
      case 'mail':
        dropMail() // as libmilter does: a new one ends the old one
        mail = openMail(command, server)
        return goOn(command)
      case 'recipient':
        return takeRecipient(command)
      case 'field':
        current('a header field').field(command.name, command.value, agreement!)
        return goOn(command)
      case 'end-of-header':
        current('end of header').endHeader()
        return goOn(command)
      case 'body':
        current('body').body(command.chunk)
        return goOn(command)
      case 'end-of-message':
        return endMessage(command.chunk)
      case 'helo':
        helo = copied(command.name)
        return goOn(command)
      case 'data':
      case 'unknown-smtp':
        return goOn(command)
      case 'abort':
        dropMail()
        macros.endMessage()
        return undefined
      case 'quit':
        dropMail()
        over = true
        return undefined
      case 'quit-new-connection':
        dropMail()
        macros.endConnection()
        client = undefined
        clientName = undefined
        helo = undefined
        return undefined
    }
  }

  return {
    take,
    get negotiated() {
      return agreement !== undefined
    },
    get amidMessage() {
      return mail !== undefined
    },
    get amidContent() {
      return mail?.amidContent === true
    },
    get over() {
      return over
    },
    close: dropMail,
  }
}
