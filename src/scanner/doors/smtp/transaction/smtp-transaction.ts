import { faultKindOf } from '../../../../base/errors/fault.ts'
import { type MailAddress, readAddress } from '../../../../base/text/address.ts'
import { ADDRESS_MAX, makeEnvelope } from '../../../../mail/message/envelope.ts'
import type { Message } from '../../../../mail/message/message.ts'
import { handleMail } from '../../../handling/handle-mail.ts'
import { type HandlingPlan, planHandling } from '../../../handling/handling-plan.ts'
import { withdrawQuarantined } from '../../../handling/quarantine-as-decided.ts'
import { RecipientList } from '../../../handling/recipients/recipient-list.ts'
import type { SendingClient } from '../../../handling/recipients/refuse-recipient.ts'
import { faultReply } from '../../../handling/smtp-reply.ts'
import { COMMAND_MAX, parsePath } from '../../../protocol/smtp/smtp-commands.ts'
import { type RawReply, rawReply } from '../../../protocol/smtp/smtp-replies.ts'
import {
  announcedSize,
  asDeferral,
  bareAddress,
  type SmtpPath,
  type SmtpReply,
  temporaryStatus,
} from '../../../protocol/smtp/smtp-syntax.ts'
import { Deadline } from '../../../scan/judge/context/deadline.ts'
import type { JudgeContext } from '../../../scan/judge/context/judge-context.ts'
import type { Transaction } from '../../../scan/judge/context/transaction.ts'
import type { Decision, SingleDecision } from '../../../scan/judge/decision/decision.ts'
import { CLOSING, ownReply } from '../../../scan/replies/own-replies.ts'
import type { SmtpConnection } from '../client/smtp-connection.ts'
import type { SmtpServices } from '../next-server/smtp-services.ts'
import { ContentReplies } from './content-replies.ts'
import { dropTransaction, type SmtpDelivery } from './hand-on.ts'
import { clientLeft, receiveContent } from './receive-content.ts'
import { carryOutBySmtp } from './smtp-carry-out.ts'
import { type CarriedOut, TransactionLog } from './smtp-log.ts'

/** One message from MAIL to its end. */
export class SmtpTransaction {
  readonly #line: Buffer
  readonly #from: Buffer
  readonly #services: SmtpServices
  readonly sender: MailAddress
  /** Bytes that the client announced for the message. */
  readonly size: number | undefined
  /** The RCPT commands that the next server has accepted, as they were sent; freed with the transaction. */
  readonly recipients: RecipientList
  /** Whether the end of the content was sent to the next server. */
  isBeyondRecall = false

  /**
   * Begins with a MAIL command: its `line` as sent, its path and its parameters. `memoryOwner` is the client
   * whose share of memory it uses.
   */
  constructor(
    line: Buffer,
    { path, parameters }: SmtpPath,
    services: SmtpServices,
    memoryOwner: string,
  ) {
    this.#line = line
    // Cut, so that it uses little memory. An address that is too long stays too long.
    this.#from = Buffer.from(bareAddress(path).subarray(0, ADDRESS_MAX + 1))
    this.#services = services
    this.recipients = new RecipientList(services.openLease(memoryOwner))
    this.sender = readAddress(this.#from)
    this.size = announcedSize(parameters)
  }

  /**
   * Answers DATA, receives the content, judges it, and carries the decision out. Replies of single recipients
   * are sent as they arrive. Resolves to the remaining replies, at least one. Never rejects. If an error
   * occurs before the content has ended, the client is still within content.
   */
  async receive(
    client: SmtpConnection,
    onward: Pick<SmtpDelivery, 'next' | 'forwards'>,
    sendingClient: SendingClient,
  ): Promise<readonly RawReply[]> {
    const services = this.#services
    const { gone } = client
    const log = new TransactionLog(services, sendingClient.origin)
    let replies = new ContentReplies(1, client) // to DATA itself
    try {
      const recipients = this.recipients.paths()
      const plan = planHandling(services.configuration)
      const { messageOptions } = plan
      const start = () => {
        replies = new ContentReplies(services.isLmtp ? recipients.length : 1, client)
        client.startContent()
      }
      await receiveContent(client, messageOptions, services, start, async (message, refusal) => {
        const delivery = this.#deliveryOf(message, recipients, { ...onward, replies, gone })
        const transaction = this.#received(delivery, sendingClient, plan)
        log.transaction = transaction
        const end =
          refusal === undefined && plan.kind === 'judge'
            ? await this.#judge(transaction, plan.context, delivery, log)
            : await carryOutOnce(refusal, delivery, services)
        log.carriedOut(end, transaction.envelope, plan)
      })
    } catch (error) {
      await dropTransaction(onward.next)
      const reply = replyToError(error, services)
      replies.answerRest(rawReply(client.isAmidContent ? { ...reply, code: CLOSING } : reply))
      log.fault(error, replies.sent())
    }
    if (replies.settled.some(({ code }) => code < 300)) client.progress.accepted()
    return replies.unsent
  }

  #deliveryOf(
    message: Message,
    recipients: readonly Buffer[],
    to: Pick<SmtpDelivery, 'next' | 'forwards' | 'replies' | 'gone'>,
  ): SmtpDelivery {
    const { isLmtp } = this.#services
    const beyondRecall = () => {
      this.isBeyondRecall = true
    }
    return { ...to, mailLine: this.#line, message, recipients, isLmtp, beyondRecall }
  }

  #received(
    { message, recipients }: SmtpDelivery,
    { origin, mayRelay }: SendingClient,
    plan: HandlingPlan,
  ): Transaction {
    const envelope = makeEnvelope(this.#from, recipients.map(recipientIn))
    const isClusterPeer = plan.kind === 'judge' && plan.isClusterPeer
    const isQueued = this.#services.isQueued
    const client = { mayRelay, isClusterPeer, isBounceInjector: false, isQueued, origin }
    return { message, envelope, client }
  }

  /** Judges a message, and carries the decision out. */
  #judge(
    transaction: Transaction,
    context: JudgeContext,
    delivery: SmtpDelivery,
    log: TransactionLog,
  ): Promise<CarriedOut> {
    const services = this.#services
    const { gone, replies } = delivery
    return handleMail(transaction, context, new Deadline(services.uptime, { gone }), {
      answers: services.isLmtp ? 'per recipient' : 'one reply, some quarantined',
      showBegun: services.showBegun,
      logContext: () => log.logContext([{ reply: ownReply.ok, sent: ownReply.ok.code }]),
      carryOut: (decision) => carryOutOnce(decision, delivery, services),
      isUnsent: (recipient) => !replies.isSent(recipient),
    })
  }
}

const RCPT = /^RCPT[ \t]+/i

/** Returns the address in a RCPT command that was taken. */
function recipientIn(line: Buffer): Buffer {
  const [verb = ''] = RCPT.exec(line.toString('latin1', 0, COMMAND_MAX)) ?? []
  return bareAddress(parsePath(line.subarray(verb.length), 'TO:')!.path)
}

/**
 * Carries a decision out; without one the message goes on unchanged. Resolves to the final decision. If the
 * client must send the message again, or disconnected before the reply, no quarantined copy stays, because each
 * attempt would add one. What the next server has received by then stays there.
 */
async function carryOutOnce(
  decided: Decision | undefined,
  delivery: SmtpDelivery,
  { complain, isQueued }: SmtpServices,
): Promise<CarriedOut> {
  const { replies, gone, isLmtp } = delivery
  const decision = decided && isQueued ? deferRefusals(decided) : decided
  const lost = await carryOutBySmtp(decision, delivery)
  if (gone.aborted && decision?.kind === 'quarantine') throw clientLeft()
  const isTaken = decision?.kind !== 'split' || isLmtp || replies.settled[0]!.code < 300
  if (decision === undefined || (isTaken && !gone.aborted)) {
    return { decision, replies: replies.sent(), lost }
  }
  // Over LMTP some may have had their reply before the client left.
  const isUnsent = (index: number) => !replies.isSent(index)
  const left = await withdrawQuarantined(decision, delivery, complain, isUnsent)
  return { decision: left, replies: replies.sent(), lost }
}

/** Returns the decision with each refusal turned into a deferral: such mail stays in the queue. */
function deferRefusals(decision: Decision): Decision {
  if (decision.kind !== 'split') return deferRefusal(decision)
  const shares = decision.shares.map((share) => {
    return { ...share, decision: deferRefusal(share.decision) }
  })
  return { ...decision, shares }
}

function deferRefusal(decision: SingleDecision): SingleDecision {
  if (decision.kind !== 'reject') return decision
  const { reply, details } = decision
  const temporary = { ...reply, class: 4, enhanced: temporaryStatus(reply.enhanced) } as const
  return { kind: 'defer', reply: temporary, details }
}

/** Returns the reply for anything thrown. If mail is in a queue already, nothing is refused. */
function replyToError(error: unknown, { isQueued }: SmtpServices): SmtpReply {
  const kind = faultKindOf(error)
  if (kind === 'next-hop') return ownReply.nextServerLost
  const reply = faultReply(kind)
  return isQueued ? asDeferral(reply) : reply
}
