import { Fault, faultKindOf } from '../../../base/errors/fault.ts'
import type { LogField } from '../../../base/log/line-format.ts'
import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import { type MailAddress, readAddress } from '../../../base/text/address.ts'
import { ADDRESS_MAX, makeEnvelope, type Origin } from '../../../mail/message/envelope.ts'
import { type DoorAdapter, handleMail } from '../../handling/handle-mail.ts'
import { type HandlingPlan, planHandling } from '../../handling/handling-plan.ts'
import { RecipientList } from '../../handling/recipients/recipient-list.ts'
import type { SendingClient } from '../../handling/recipients/refuse-recipient.ts'
import { faultReply, replyCode } from '../../handling/smtp-reply.ts'
import {
  decisionLines,
  faultLine,
  type LogContext,
  type MailSummary,
  passLine,
} from '../../log/message-lines.ts'
import { type Agreement, action, step } from '../../protocol/milter/milter-offer.ts'
import { accepted, smtpReply } from '../../protocol/milter/milter-replies.ts'
import { announcedSize, bareAddress, type SmtpPath } from '../../protocol/smtp/smtp-syntax.ts'
import { Deadline } from '../../scan/judge/context/deadline.ts'
import type { JudgeContext } from '../../scan/judge/context/judge-context.ts'
import type { Transaction } from '../../scan/judge/context/transaction.ts'
import { checkQuota } from '../../scan/judge/over-quota.ts'
import { receivesNothing } from '../../serving/wire.ts'
import { encodeDecision } from './encode-decision.ts'
import { MilterIntake } from './milter-intake.ts'
import type { MilterServices } from './milter-services.ts'
import { addressIn } from './recipient-path.ts'

/** The name of the field in lower case, and the bytes of its value that a log line may hold. */
const MESSAGE_ID = 'message-id'
const MESSAGE_ID_MAX = 1000

const LEADING_SPACE = Buffer.from(' ')

/** A message, and its recipients as the MTA named them. */
interface ReceivedMail {
  readonly transaction: Transaction
  readonly paths: readonly Buffer[]
}

/** One message from MAIL to its end. If an error occurs before, the answer at the end reports it. */
export class MilterMessage {
  readonly sender: MailAddress
  /** Bytes that the client announced for the message. */
  readonly size: number | undefined
  readonly #services: MilterServices
  /** The client whose share of memory the message uses. */
  readonly #memoryOwner: string
  readonly #began: number
  readonly #from: Buffer
  readonly #recipients: RecipientList
  #summary: MailSummary
  #stage: 'envelope' | 'header' | 'body' = 'envelope'
  /** Set as soon as a part of the content has arrived, by the configuration of that moment. */
  #plan: HandlingPlan | undefined
  /** Set if the message is judged. */
  #intake: MilterIntake | undefined
  #trouble: unknown

  constructor({ path, parameters }: SmtpPath, services: MilterServices, memoryOwner: string) {
    this.#services = services
    this.#memoryOwner = memoryOwner
    this.#began = services.uptime()
    // A copy, so that it does not keep all bytes of the same chunk in memory. An address that is too long
    // stays too long.
    this.#from = Buffer.from(bareAddress(path).subarray(0, ADDRESS_MAX + 1))
    this.sender = readAddress(this.#from)
    this.size = announcedSize(parameters)
    this.#recipients = new RecipientList(services.openLease(memoryOwner))
    const from = this.sender.text
    this.#summary = { from, to: undefined, recipients: 0, messageId: undefined }
  }

  /** Whether the header or the body has begun. */
  get isAmidContent(): boolean {
    return this.#stage !== 'envelope'
  }

  /** Throws a Fault of kind `out-of-memory` if there is no room for one more recipient. */
  addRecipient(path: Buffer): void {
    if (this.#stage !== 'envelope') throw new WireError('RCPT after the envelope')
    const { to = shownRecipient(path), recipients } = this.#summary
    this.#summary = { ...this.#summary, to, recipients: recipients + 1 }
    if (this.#trouble === undefined) this.#recipients.add(path)
  }

  /** Makes the answer at the end defer the message, whatever else arrives. */
  defer(fault: Fault): void {
    this.#trouble ??= fault
    this.#recipients.free() // the message goes to none of the recipients
  }

  field(name: Buffer, value: Buffer, { steps }: Agreement): void {
    if (this.#stage === 'body') throw new WireError('a header field after the header')
    this.#stage = 'header'
    if (this.#summary.messageId === undefined && isMessageId(name)) {
      const messageId = value.toString('latin1', 0, MESSAGE_ID_MAX).trim()
      this.#summary = { ...this.#summary, messageId }
    }
    const whole = steps & step.leadingSpace ? value : Buffer.concat([LEADING_SPACE, value])
    this.#spool((intake) => intake.field(name, whole))
  }

  /** An MTA that sends data which it has agreed to leave out (Stalwart) also sends whole messages. */
  endHeader({ steps, lacksSteps }: Agreement): void {
    this.#stage = 'body'
    const sendsWhole = lacksSteps && (steps & step.skipEndOfHeader) !== 0
    this.#spool((intake) => intake.endHeader(sendsWhole))
  }

  body(chunk: Buffer): void {
    this.#stage = 'body'
    this.#spool((intake) => intake.body(chunk))
  }

  /**
   * Judges the message, logs the result, and resolves to the packets that end the message. Never rejects.
   * After `gone` is aborted, no client needs the answer.
   */
  async end(agreement: Agreement, client: SendingClient, gone: AbortSignal): Promise<Buffer> {
    const { origin } = client
    let mail: ReceivedMail | undefined
    try {
      if (this.#trouble !== undefined) throw this.#trouble
      const plan = this.#openIntake()
      if (plan.kind === 'pass') {
        this.#services.log(passLine(plan.reason, this.#logContext(origin)))
        return accepted
      }
      mail = this.#received(client, plan.isClusterPeer)
      return await this.#handle(mail, plan.context, agreement, gone)
    } catch (error) {
      const reply = faultReply(faultKindOf(error))
      const sent = receivesNothing(gone) ? 'unsent' : reply.code
      this.#services.log(faultLine(error, this.#logContext(origin, mail?.transaction, sent)))
      return smtpReply(reply)
    } finally {
      mail?.transaction.message.close()
      mail?.transaction.alternative?.close()
    }
  }

  /** Logs that the MTA was asked to defer the message before it ended, if its content had begun. */
  logDeferral(origin: Origin): void {
    if (!this.isAmidContent) return
    const fault = new Fault('read', 'the connection ended before the message')
    const { code } = faultReply(fault.kind)
    this.#services.log(faultLine(fault, this.#logContext(origin, undefined, code)))
  }

  /** Frees what the message holds. May be called again. */
  close(): void {
    this.#recipients.free()
    this.#intake?.close()
  }

  /** Makes the message of its parts. It may be called once. */
  #received({ origin, mayRelay }: SendingClient, isClusterPeer: boolean): ReceivedMail {
    const paths = this.#recipients.paths()
    const envelope = makeEnvelope(this.#from, paths.map(addressIn))
    const client = { mayRelay, isClusterPeer, isBounceInjector: false, origin }
    return { transaction: { ...this.#intake!.finish(), envelope, client }, paths }
  }

  /** Checks quotas, waits for a permit, judges a message, and resolves to the packets of the decision. */
  async #handle(
    mail: ReceivedMail,
    context: JudgeContext,
    agreement: Agreement,
    gone: AbortSignal,
  ): Promise<Buffer> {
    const { transaction } = mail
    const { message, envelope, client } = transaction
    const { permits, uptime } = this.#services
    const adapter = this.#adapterFor(mail, agreement)
    // Such an MTA could not refuse a recipient alone.
    const quota = agreement.lacksSteps ? this.#services.quota : undefined
    const announced = { envelope, client, size: message.size }
    const checked = quota && (await checkQuota(announced, quota, uptime))
    if (checked?.defer !== undefined) return adapter.carryOut(checked.defer)
    const release = await permits.take(gone)
    const remarked = { ...transaction, remark: checked?.remark }
    const deadline = new Deadline(uptime, { gone })
    return await handleMail(remarked, context, deadline, adapter).finally(release)
  }

  #adapterFor({ transaction, paths }: ReceivedMail, agreement: Agreement): DoorAdapter<Buffer> {
    const { header } = transaction.message
    const { log, showBegun } = this.#services
    const { origin } = transaction.client
    return {
      // The MTA may not let recipients be removed.
      answers:
        agreement.actions & action.deleteRecipients ? 'one reply, some quarantined' : 'one reply',
      showBegun,
      isHeldByMta: true,
      logContext: () => this.#logContext(origin, transaction),
      carryOut: (decision) => {
        const packets = encodeDecision(decision, { header, paths }, agreement) // throws if the MTA cannot do it
        const logContext = this.#logContext(origin, transaction, replyCode(decision))
        for (const line of decisionLines(decision, logContext)) log(line)
        return packets
      },
    }
  }

  /** Begins to receive the content, if that was not done. Throws as MilterIntake does. */
  #openIntake(): HandlingPlan {
    if (this.#plan !== undefined) return this.#plan
    const plan = planHandling(this.#services.configuration)
    if (plan.kind === 'judge') {
      const openLease = () => this.#services.openLease(this.#memoryOwner)
      this.#intake = new MilterIntake(plan.messageOptions, openLease)
    }
    this.#plan = plan
    return plan
  }

  /** Stores a part of the message, if parts are kept. */
  #spool(put: (intake: MilterIntake) => void): void {
    if (this.#trouble !== undefined) return
    try {
      this.#openIntake()
      if (this.#intake !== undefined) put(this.#intake)
    } catch (error) {
      this.#trouble = error
      this.#intake?.close() // no message will be made of it
    }
  }

  /** Returns the context for a log line about the message at this moment. */
  #logContext(
    origin: Origin | undefined,
    transaction?: Transaction,
    reply?: number | 'unsent',
  ): LogContext {
    const doorFields: LogField[] = [
      ['reply', reply],
      ['interface', 'milter'],
      ['queue', origin?.queueId],
    ]
    const total = this.#services.uptime() - this.#began
    return { doorFields, remote: origin?.clientAddress, transaction, summary: this.#summary, total }
  }
}

function shownRecipient(path: Buffer): string {
  return addressIn(path).toString('latin1', 0, ADDRESS_MAX)
}

function isMessageId(name: Buffer): boolean {
  return name.length === MESSAGE_ID.length && name.toString('latin1').toLowerCase() === MESSAGE_ID
}
