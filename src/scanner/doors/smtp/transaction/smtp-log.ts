import type { Fault } from '../../../../base/errors/fault.ts'
import type { MailAddress } from '../../../../base/text/address.ts'
import { type Envelope, type Origin, redirect } from '../../../../mail/message/envelope.ts'
import type { HandlingPlan } from '../../../handling/handling-plan.ts'
import {
  contextOfShare,
  decisionLines,
  faultLine,
  type LogContext,
  passLine,
  recipientLines,
} from '../../../log/message-lines.ts'
import { replyTexts } from '../../../protocol/smtp/smtp-replies.ts'
import type { Transaction } from '../../../scan/judge/context/transaction.ts'
import type { Decision, SingleDecision } from '../../../scan/judge/decision/decision.ts'
import { ownReply } from '../../../scan/replies/own-replies.ts'
import type { SmtpServices } from '../next-server/smtp-services.ts'
import type { SentReply } from './content-replies.ts'

/** The outcome of a message whose decision was carried out. */
export interface CarriedOut {
  /** The decision as it was carried out, or undefined if the message was not judged. */
  readonly decision: Decision | undefined
  /** One reply, or with LMTP one for each recipient. */
  readonly replies: readonly SentReply[]
  /** Why the next server was lost before it had answered for all. */
  readonly lost: Fault | undefined
}

/** Logs the outcome of messages from this origin. */
export class TransactionLog {
  /** Set when the message has arrived. */
  transaction: Transaction | undefined
  readonly #services: SmtpServices
  readonly #origin: Origin
  readonly #began: number

  constructor(services: SmtpServices, origin: Origin) {
    this.#services = services
    this.#origin = origin
    this.#began = services.uptime()
  }

  /**
   * Returns the context for a log line about a message with these replies, at this moment. `next` is the
   * reply of the next server, if the client received a different one.
   */
  logContext(replies: readonly SentReply[], next = ''): LogContext {
    return {
      doorFields: [
        ['reply', worstOf(replies)?.sent],
        ['next', next],
        ['interface', 'smtp'],
        ['queue', this.#origin.queueId],
      ],
      remote: this.#origin.clientAddress,
      transaction: this.transaction,
      total: this.#services.uptime() - this.#began,
    }
  }

  /** Logs why a message or command could not be carried out, and has these replies. */
  fault(error: unknown, replies: readonly SentReply[]): void {
    this.#services.log(faultLine(error, this.logContext(replies)))
  }

  /**
   * Logs a message whose decision was carried out. Each share of a split message has separate lines, and so
   * have recipients of a share whose clients received different codes.
   */
  carriedOut(end: CarriedOut, envelope: Envelope, plan: HandlingPlan): void {
    const { decision, replies } = end
    if (decision?.kind !== 'split') {
      this.#logShare(decision, end, envelope, plan)
      return
    }
    for (const [number, share] of decision.shares.entries()) {
      const isOwn = (index: number) => replies.length === 1 || decision.shareOf[index] === number
      const own = replies.filter((_, index) => isOwn(index))
      this.#logShare(share.decision, { ...end, replies: own }, share.envelope, plan)
    }
  }

  #logShare(
    decision: SingleDecision | undefined,
    { replies, lost }: CarriedOut,
    envelope: Envelope,
    plan: HandlingPlan,
  ): void {
    const { log } = this.#services
    const isAnswered = decision === undefined || decision.kind === 'accept'
    const groups = byReplyCode(replies, envelope)
    for (const group of groups) {
      const next = isAnswered ? textOfNext(group.replies, lost) : ''
      const logContext = contextOfShare(group.envelope, this.logContext(group.replies, next))
      if (decision === undefined) log(passLine(plan.kind === 'pass' ? plan.reason : '', logContext))
      else for (const line of decisionLines(decision, logContext)) log(line)
      if (groups.length > 1) for (const line of namesOf(group)) log(line)
    }
  }
}

/** Recipients of one message for whom the client was sent the same code. */
interface AnsweredRecipients {
  readonly replies: readonly SentReply[]
  readonly envelope: Envelope
}

/** Groups recipients by reply. One reply applies to all of them. */
function byReplyCode(
  replies: readonly SentReply[],
  envelope: Envelope,
): readonly AnsweredRecipients[] {
  const recipients = [...envelope.recipients]
  const byCode = new Map<unknown, { replies: SentReply[]; recipients: MailAddress[] }>()
  for (const [index, reply] of replies.entries()) {
    const group = byCode.get(reply.sent) ?? { replies: [], recipients: [] }
    byCode.set(reply.sent, group)
    group.replies.push(reply)
    group.recipients.push(recipients[index]!)
  }
  if (byCode.size < 2) return [{ replies, envelope }]
  return Array.from(byCode.values(), (group) => {
    return { replies: group.replies, envelope: redirect(envelope, group.recipients) }
  })
}

/** Recipients of a group whose names are logged. */
const NAMED_MAX = 64

/** Makes the lines that name recipients of a group. */
function namesOf({ replies, envelope }: AnsweredRecipients): Generator<Buffer> {
  const fields = [
    ['answered', 'recipients'],
    ['reply', replies[0]!.sent],
  ] as const
  return recipientLines(fields, envelope.recipients, NAMED_MAX)
}

/**
 * Returns the reply of the next server, or why there was none, if it has not accepted the message or the
 * client was not informed of the acceptance, and otherwise ''.
 */
function textOfNext(replies: readonly SentReply[], lost: Fault | undefined): string {
  const { reply, sent } = worstOf(replies) ?? {}
  if (reply === ownReply.nextServerLost && lost !== undefined) return lost.message
  if (reply === undefined || (reply.code < 400 && sent === reply.code)) return ''
  const { insteadOf: own = reply } = reply
  return `${own.code} ${replyTexts(own).join(' ')}`
}

/** Returns the first refusal, or the first reply if there is no refusal. */
function worstOf(replies: readonly SentReply[]): SentReply | undefined {
  return replies.find(({ reply }) => reply.code >= 400) ?? replies[0]
}
