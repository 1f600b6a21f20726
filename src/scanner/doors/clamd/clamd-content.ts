import { Fault, faultKindOf } from '../../../base/errors/fault.ts'
import type { LogField } from '../../../base/log/line-format.ts'
import { makeEnvelope } from '../../../mail/message/envelope.ts'
import { Intake } from '../../../mail/message/intake.ts'
import { handleMail } from '../../handling/handle-mail.ts'
import { type HandlingPlan, type PassingPlan, planHandling } from '../../handling/handling-plan.ts'
import { decisionLines, faultLine, type LogContext, passLine } from '../../log/message-lines.ts'
import type { ContentReply } from '../../protocol/clamd/write-reply.ts'
import { Deadline } from '../../scan/judge/context/deadline.ts'
import type { Transaction } from '../../scan/judge/context/transaction.ts'
import type { Decision, DecisionDetails } from '../../scan/judge/decision/decision.ts'
import type { Reply } from '../../scan/replies/reply.ts'
import { inOneWord, nameOfRefusal } from '../../scan/scanners/clamd/onescan-names.ts'
import { TOP_LINE } from '../../scan/scanners/contract/top-line.ts'
import type { ClamdServices } from './clamd-services.ts'

/** A client, as shown in the log. */
export interface ClamdClient {
  /** The user or address whose share of memory the contents use. */
  readonly memoryOwner: string
  /** Its IP address, or undefined for a unix socket. */
  readonly remote: string | undefined
  /** Whether it is on another host, as all clients by TLS are. */
  readonly isOnOtherHost: boolean
  readonly fields: readonly LogField[]
  /** Set for a client on a unix socket, if the kernel reports its user. */
  readonly near?: NearClient | undefined
}

/** A client on this host. */
interface NearClient {
  readonly uid: number
  /**
   * Returns the descriptors of the next message that carries any. The caller must close the returned
   * descriptors.
   */
  takeDescriptors(): readonly number[]
}

/** Clients send neither sender nor recipients. */
const NO_ENVELOPE = makeEnvelope(Buffer.alloc(0), [])

/** A mail or a file that a client submits. */
export class Content {
  readonly #services: ClamdServices
  readonly #client: ClamdClient
  readonly #subject: string
  readonly #began: number
  readonly #plan: HandlingPlan | undefined
  readonly #intake: Intake | undefined
  #trouble: unknown
  /** The first bytes, as many as show whether another onescan scans them. */
  #beginning: Buffer = Buffer.alloc(0)

  /**
   * The answer begins with `subject`: `stream`, `fd[9]`, a path. Without memory it reports that there is no answer.
   */
  constructor(services: ClamdServices, client: ClamdClient, subject: string) {
    this.#services = services
    this.#client = client
    this.#subject = subject
    this.#began = services.uptime()
    try {
      this.#plan = planHandling(services.configuration)
      if (this.#plan.kind === 'judge') {
        this.#intake = new Intake(this.#plan.messageOptions, services.openLease(client.memoryOwner))
      }
    } catch (error) {
      this.#trouble = error
    }
  }

  /** Takes the next bytes. If they cannot be kept, the answer at the end reports it. */
  write(bytes: Buffer): void {
    if (this.#beginning.length < TOP.length) {
      this.#beginning = Buffer.concat([this.#beginning, bytes]).subarray(0, TOP.length)
    }
    if (this.#trouble !== undefined) return
    try {
      this.#intake?.write(bytes)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Has the final answer report that there is none. */
  fail(error: unknown): void {
    this.#trouble ??= error
    this.#intake?.close() // no message will be made of it
  }

  /**
   * Judges the received content, logs the result, and resolves to the reply. Never rejects. After `gone` is
   * aborted, no client needs the reply. Empty contents are not logged: nothing can be found in them, and a
   * client may send any number.
   */
  async judge(gone: AbortSignal): Promise<ContentReply> {
    const services = this.#services
    let transaction: Transaction | undefined
    services.underWay++
    try {
      if (this.#trouble !== undefined) throw this.#trouble
      const plan = this.#plan!
      if (plan.kind === 'pass') return this.#pass(plan)
      if (this.#beginning.length === 0) return this.#clean()
      const message = this.#intake!.finish()
      const { isClusterPeer, context } = plan
      const client = { mayRelay: false, isClusterPeer, isBounceInjector: false, origin: ORIGIN }
      const received = { message, envelope: NO_ENVELOPE, client }
      transaction = received
      const { within } = services
      const deadline = new Deadline(services.uptime, { gone, within })
      const release = await services.permits.take(gone, within)
      return await handleMail(received, context, deadline, {
        answers: 'one reply',
        showBegun: services.showBegun,
        logContext: () => this.#logContext(received),
        carryOut: (decision) => {
          for (const line of decisionLines(decision, this.#logContext(received))) services.log(line)
          return this.#answerTo(decision)
        },
      }).finally(release)
    } catch (error) {
      services.log(faultLine(error, this.#logContext(transaction)))
      return this.#failed(faultKindOf(error))
    } finally {
      services.underWay--
      transaction?.message.close()
    }
  }

  /** Returns the reply to a content that has more bytes than are taken, and logs it. */
  refuseSize(): ContentReply {
    const reason = `over ${this.#services.maxSize} bytes (--max-size)`
    const decision = {
      kind: 'defer',
      reply: TOO_LARGE,
      details: { scan: 'skipped', reason, times: {} },
    } as const
    for (const line of decisionLines(decision, this.#logContext(undefined)))
      this.#services.log(line)
    return this.#failed('limit')
  }

  /** Logs that the end of the content did not arrive. */
  noteCutOff(): void {
    const fault = new Fault('read', 'the connection ended before the content')
    this.#services.log(faultLine(fault, this.#logContext(undefined)))
  }

  /** Frees all resources. Must be called once, when the answer is known or no longer needed. */
  close(): void {
    this.#intake?.close()
  }

  /**
   * While scanning is disabled, programs of this host get OK, so that mail passes. Other hosts get an error, and so does
   * another onescan: it would state that the mail is clean, in X-QHPSI and stamps.
   */
  #pass({ cause, reason }: PassingPlan): ContentReply {
    const isOfOtherScanner = this.#client.isOnOtherHost || this.#beginning.equals(TOP)
    if (cause === 'disabled' && !isOfOtherScanner) {
      this.#services.log(passLine(reason, this.#logContext(undefined)))
      return this.#clean()
    }
    this.#services.log(faultLine(new Fault('config', reason), this.#logContext(undefined)))
    return this.#failed(cause === 'disabled' ? 'disabled' : 'config')
  }

  #answerTo(decision: Decision): ContentReply {
    switch (decision.kind) {
      case 'accept':
        return this.#clean()
      case 'reject':
        return {
          subject: this.#subject,
          kind: 'found',
          name: nameOf(decision.reply, decision.details),
        }
      case 'defer':
        return this.#failed(decision.details.cause ?? decision.reply.grounds)
      case 'discard':
      case 'quarantine':
      case 'split':
        throw new Fault('bug', `a client of clamd cannot be asked to ${decision.kind}`)
    }
  }

  #clean(): ContentReply {
    return { subject: this.#subject, kind: 'clean' }
  }

  #failed(cause: string): ContentReply {
    return {
      subject: this.#subject,
      kind: 'failed',
      reason: notScanned(cause),
      isTooLong: cause === 'limit',
    }
  }

  /** Returns the context for a log line at this moment. */
  #logContext(transaction: Transaction | undefined): LogContext {
    const { remote, fields } = this.#client
    const total = this.#services.uptime() - this.#began
    return { doorFields: [['interface', 'clamd'], ...fields], remote, transaction, total }
  }
}

/** The first bytes of each message that another onescan scans. */
const TOP = TOP_LINE.subarray(0, 32)

/** The client's address is not that of the sending host, so lines with client= never match. */
const ORIGIN = { interface: 'clamd' } as const

const TOO_LARGE: Reply = {
  class: 4,
  enhanced: '4.3.4',
  text: 'larger than this host accepts',
  grounds: 'too-large',
}

/** Returns a short text, because some clients read only 256 bytes of a reply. */
export const notScanned = (cause: string): string => `Not scanned: ${cause}, see the log`

/** Returns the name of the finding as clamd would name it: one word. */
function nameOf({ grounds }: Reply, { virus, banned }: DecisionDetails): string {
  return virus === undefined ? nameOfRefusal(grounds, banned) : inOneWord(virus)
}
