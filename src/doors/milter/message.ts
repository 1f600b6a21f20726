import { type Fault, faultKindOf } from '../../ground/errors/fault.ts'
import type { LogField } from '../../ground/errors/log.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { type MailAddress, readAddress } from '../../message/envelope/address.ts'
import { ADDRESS_MAX, makeEnvelope } from '../../message/envelope/envelope.ts'
import type { Origin } from '../../message/envelope/origin.ts'
import { createRecipientList } from '../shared/intake/recipient-list.ts'
import {
  decisionLines,
  faultLine,
  type LogContext,
  type MailSummary,
  passLine,
  TRIAL,
} from '../shared/log/log-lines.ts'
import { faultReply, replyCode } from '../shared/replies/smtp-reply.ts'
import { settle } from '../shared/settle.ts'
import { announcedSize, bareAddress, type SmtpPath } from '../shared/wire/smtp-path.ts'
import { WireError } from '../shared/wire/wire-error.ts'
import { addressIn, answersBy, carryOut } from './carry-out.ts'
import type { MilterIntake } from './intake.ts'
import type { MessageReception } from './receive.ts'
import type { MilterServer } from './server.ts'
import { type Agreement, step } from './wire/negotiation.ts'
import { accepted, smtpReply } from './wire/replies.ts'

/** The facts about a message that are known when it is whole. */
export interface MessageEnd {
  readonly agreement: Agreement
  readonly authenticated: boolean
  /** The address of the SMTP client. */
  readonly remote: string | undefined
  /** The MTA's own name for the message. */
  readonly queueId: string | undefined
  /** Whether the message is a trial of `onescan check`, which no MTA sends. */
  readonly isTrial: boolean
  /** The client, as rules and plugins see it. */
  readonly origin: Origin
}

/**
 * One message from MAIL to its end. If something goes wrong before, the answer at the end says so.
 */
export interface MilterMessage {
  readonly sender: MailAddress
  /** Bytes that the client announced for the message. */
  readonly size: number | undefined
  /** Whether the header or the body has begun. */
  readonly amidContent: boolean
  /** Throws a Fault of kind `out-of-memory` if there is no room for one more recipient. */
  addRecipient(path: Buffer): void
  /** Has the answer at the end defer the message, whatever else comes. */
  defer(fault: Fault): void
  field(name: Buffer, value: Buffer, agreement: Agreement): void
  endHeader(): void
  body(chunk: Buffer): void
  /** Judges the message, logs it, and resolves to the packets that end it. Never rejects. */
  end(end: MessageEnd): Promise<Buffer>
  /** Frees what the message holds: no answer is needed any more. */
  close(): void
}

/** The name of the field in lower case, and the bytes of its value that a log line may hold. */
const MESSAGE_ID = 'message-id'
const MESSAGE_ID_MAX = 1000

const SPACE = Buffer.from(' ')

export function openMessage({ path, parameters }: SmtpPath, server: MilterServer): MilterMessage {
  const began = server.uptime()
  // A copy, so that it does not keep alive all that came in the same chunk. An address that is too
  // long stays too long.
  const from = Buffer.from(bareAddress(path).subarray(0, ADDRESS_MAX + 1))
  const sender = readAddress(from)
  const recipients = createRecipientList(server.openLease())
  let known: MailSummary = {
    from: sender.text,
    to: undefined,
    recipients: 0,
    messageId: undefined,
  }
  let stage: 'envelope' | 'header' | 'body' | 'end' | 'over' = 'envelope'
  let receiving: MessageReception | undefined
  let trouble: unknown
  const gone = new AbortController()

  /** Returns where parts of the message go, or undefined if they are not kept. */
  function intake(): MilterIntake | undefined {
    if (trouble !== undefined) return undefined
    receiving ??= server.receive()
    return receiving.kind === 'judge' ? receiving.intake : undefined
  }

  function attempt(effect: () => void): void {
    try {
      effect()
    } catch (error) {
      trouble ??= error
      if (receiving?.kind === 'judge') receiving.intake.discard() // no message will be made of it
    }
  }

  function free(): void {
    recipients.free()
    if (receiving === undefined) return
    if (receiving.kind === 'judge') receiving.intake.discard()
    receiving = undefined
  }

  async function judge(context: MessageEnd): Promise<Buffer> {
    const about = (transaction: Transaction | undefined, reply: number | undefined) =>
      logContext(context, transaction, known, reply, server.uptime() - began)
    let transaction: Transaction | undefined
    try {
      if (trouble !== undefined) throw trouble
      receiving ??= server.receive()
      if (receiving.kind === 'pass') {
        server.log(passLine(receiving.why, about(undefined, undefined)))
        return accepted
      }
      const paths = recipients.paths()
      const envelope = makeEnvelope(from, paths.map(addressIn))
      const message = await receiving.intake.finish()
      try {
        const { clusterPeer } = receiving
        const { authenticated: relay, origin } = context
        const client = { relay, clusterPeer, bounceInjector: false, origin }
        transaction = { message, envelope, client }
        let answer = accepted
        const endTurn = await server.turn(gone.signal)
        const decision = await settle(transaction, receiving.judgement, {
          answers: answersBy(context.agreement),
          gone: gone.signal,
          begin: context.isTrial ? undefined : server.begin,
          check(judged) {
            // It throws if the MTA cannot do it: nothing must be kept then.
            answer = carryOut(judged, { header: message.header, paths }, context.agreement)
            return judged
          },
          mtaHolds: true,
          about: () => about(transaction, undefined),
        }).finally(endTurn)
        const told = about(transaction, replyCode(decision))
        for (const line of decisionLines(decision, undefined, told)) server.log(line)
        return answer
      } finally {
        message.close()
      }
    } catch (error) {
      const reply = faultReply(faultKindOf(error))
      server.log(faultLine(error, undefined, about(transaction, reply.code)))
      return smtpReply(reply)
    }
  }

  return {
    sender,
    size: announcedSize(parameters),
    get amidContent() {
      return stage !== 'envelope'
    },
    addRecipient(to) {
      if (stage !== 'envelope') throw new WireError('RCPT behind the envelope')
      known = { ...known, to: known.to ?? addressOf(to), recipients: known.recipients + 1 }
      // The MTA may have left while the recipient was asked about.
      if (trouble === undefined && !gone.signal.aborted) recipients.add(to)
    },
    defer(fault) {
      trouble ??= fault
      recipients.free() // the message goes to none of them
    },
    field(name, value, { steps }) {
      if (stage === 'body') throw new WireError('a header field behind the header')
      stage = 'header'
      if (known.messageId === undefined && isMessageId(name)) {
        known = { ...known, messageId: value.toString('latin1', 0, MESSAGE_ID_MAX).trim() }
      }
      const whole = steps & step.leadingSpace ? value : Buffer.concat([SPACE, value])
      attempt(() => intake()?.field(name, whole))
    },
    endHeader() {
      stage = 'body'
      attempt(() => intake()?.endHeader())
    },
    body(chunk) {
      stage = 'body'
      attempt(() => intake()?.body(chunk))
    },
    async end(context) {
      stage = 'end'
      try {
        return await judge(context)
      } finally {
        stage = 'over'
        free()
      }
    },
    close() {
      if (stage === 'over') return // nobody listens any more, and abort() would make an error with its stack
      gone.abort()
      if (stage !== 'end') free()
    },
  }
}

function logContext(
  { remote, queueId, isTrial }: MessageEnd,
  transaction: Transaction | undefined,
  known: MailSummary,
  reply: number | undefined,
  total: number,
): LogContext {
  const door: LogField[] = [
    ['reply', reply],
    ['door', 'milter'],
    ['queue', queueId],
    ...(isTrial ? [TRIAL] : []),
  ]
  return { door, remote, transaction, summary: known, total }
}

function addressOf(path: Buffer): string {
  return addressIn(path).toString('latin1', 0, ADDRESS_MAX)
}

function isMessageId(name: Buffer): boolean {
  return name.length === MESSAGE_ID.length && name.toString('latin1').toLowerCase() === MESSAGE_ID
}
