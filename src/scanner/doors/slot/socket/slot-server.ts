import type { Socket } from 'node:net'
import { cachedFor } from '../../../../base/flow/cache.ts'
import type { MemoryLease } from '../../../../base/flow/memory-budget.ts'
import { readUptime } from '../../../../base/flow/uptime.ts'
import type { Peer } from '../../../../base/runtime/system.ts'
import { type Envelope, EnvelopeReader } from '../../../../mail/message/envelope.ts'
import { Header } from '../../../../mail/message/header-block.ts'
import { Intake } from '../../../../mail/message/intake.ts'
import type { Configuration } from '../../../configuration/configuration.ts'
import { handleMail } from '../../../handling/handle-mail.ts'
import { JudgePermits } from '../../../handling/judge-permits.ts'
import {
  type LogContext,
  type LoggedMessage,
  peerFields,
  SELF_TEST,
} from '../../../log/message-lines.ts'
import type { StandaloneWay } from '../../../observe/live/process-report.ts'
import { Deadline } from '../../../scan/judge/context/deadline.ts'
import { NOTHING_SCANS } from '../../../scan/judge/context/judge-config.ts'
import type { Decision } from '../../../scan/judge/decision/decision.ts'
import { type AnnouncedMail, checkQuota } from '../../../scan/judge/over-quota.ts'
import type { QuotaLookup } from '../../../scan/quota/quota-lookup.ts'
import { slotExit } from '../exit-codes.ts'
import { bounceUserOf, readSlotClient, type SlotClient } from '../slot-client.ts'
import { isTestOfCheck } from '../test-next-program.ts'
import { ClientContexts } from './client-context.ts'
import {
  type ClientAnswer,
  type ClientReplies,
  encodeSlotAnswer,
  endWithReply,
  passOn,
} from './encode-answer.ts'
import type { Request } from './request.ts'
import { ScanStandalone } from './scan-standalone.ts'
import type { SlotSocketOptions } from './slot-options.ts'

/** Milliseconds before the user of BOUNCEUSER is looked up again. */
const BOUNCE_USER_FOR = 1000

/** Answers the requests of all conversations of the slot door. */
export class SlotServer {
  readonly options: SlotSocketOptions
  readonly #permits: JudgePermits
  #state: ReturnType<typeof stateOf>

  constructor(first: Configuration, options: SlotSocketOptions) {
    this.options = options
    this.#permits = new JudgePermits(options.maxClients)
    this.#state = stateOf(first)
  }

  /** Sets the configuration for requests that arrive from now on. */
  configure(configuration: Configuration): void {
    this.#state = stateOf(configuration)
  }

  /** Returns what keeps a message of this size while it arrives. Memory is charged to the lease. */
  openIntake(lease: MemoryLease, size: number): Intake {
    return new Intake(this.#state.configuration.messageOptions, lease, size)
  }

  /**
   * Waits until fewer than `maxClients` messages are being judged, and answers in the remaining time with
   * frames. `elapsed` returns the milliseconds since the client connected. Rejects with ScanStandalone, or any other
   * error, if there is no answer. The client then scans standalone, so no fault of onescand decides about
   * mail.
   */
  async answer(
    socket: Socket,
    request: Request,
    gone: AbortSignal,
    elapsed: () => number,
  ): Promise<Buffer> {
    const peer = this.options.identifyPeer(socket)
    const deadline = new Deadline(readUptime, { gone, within: request.timeLeft })
    const done = await this.#permits.take(gone, request.timeLeft)
    try {
      const { frames, lines } = await this.#answerNow(request, peer, deadline, elapsed)
      for (const line of lines) this.options.reporter?.line(line)
      return frames
    } finally {
      done()
    }
  }

  async #answerNow(
    request: Request,
    peer: Peer | undefined,
    deadline: Deadline,
    elapsed: () => number,
  ): Promise<ClientAnswer> {
    // A message stays with the configuration that it began with.
    const { configuration, clientContexts, bounceUser } = this.#state
    const { reporter } = this.options
    const { context, asksQuota, errorReport } = clientContexts.get(request.variables)
    const client = requireClient(request.variables, peer, bounceUser())
    const isTest = isTestOfCheck(request.variables)
    const logContext = (logged?: LoggedMessage): LogContext => ({
      doorFields: isTest ? [SELF_TEST, ...peerFields(peer)] : peerFields(peer),
      remote: client.origin.clientAddress,
      transaction: logged,
      total: elapsed(),
    })
    const off = await configuration.off.poll()
    if (off !== undefined) return passOn(off, logContext())
    const replies = { errorReport, takesReply: request.takesReply }
    const envelope = parseEnvelope(request.envelope)
    if (context === undefined) {
      const quota = asksQuota ? configuration.quota : undefined
      return answerUnscanned({ envelope, client, size: request.size }, quota, replies, logContext)
    }
    const message = request.makeMessage()
    const transaction = { message, envelope, client }
    try {
      return await handleMail(transaction, context, deadline, {
        answers: 'one reply, some quarantined',
        showBegun: isTest ? undefined : reporter?.begin,
        logContext: () => ({ ...logContext(transaction), exit: slotExit.done }),
        carryOut: (decision) => {
          failUnlessAsked(decision, request)
          return encodeSlotAnswer(decision, transaction, replies, logContext(transaction))
        },
      })
    } finally {
      message.close()
    }
  }

  /** Notes that the client gets no answer to its request. `variables` are those received until then. */
  standalone(way: StandaloneWay, variables: Request['variables']): void {
    if (!isTestOfCheck(variables)) this.options.reporter?.standalone(way)
  }
}

function stateOf(configuration: Configuration) {
  const bounceUser = cachedFor(BOUNCE_USER_FOR, readUptime, () => bounceUserOf(configuration.env))
  return { configuration, clientContexts: new ClientContexts(configuration), bounceUser }
}

function parseEnvelope(wire: Buffer): Envelope {
  const reader = new EnvelopeReader()
  reader.push(wire)
  const envelope = reader.finish()
  if (envelope.wire.length < wire.length) throw new ScanStandalone('bytes after the envelope')
  return envelope
}

/** Throws ScanStandalone if mail would be dropped in silence because of the daemon's setting, and not the client's. */
function failUnlessAsked({ kind }: Decision, { variables }: Request): void {
  if (kind !== 'discard' || variables.get('REJECTVIRUS') === '2') return
  throw new ScanStandalone('REJECTVIRUS=2 is set for the daemon, not for the client')
}

/** Replaces the header of a message whose content is not read. */
const NO_HEADER = new Header(Buffer.alloc(0))

/**
 * Answers a client for which nothing is scanned. Its message passes unchanged, unless quotas are checked and
 * all recipients are over quota. `logContext` returns the context for a log line at the moment of the call.
 */
async function answerUnscanned(
  mail: AnnouncedMail,
  quota: QuotaLookup | undefined,
  replies: ClientReplies,
  logContext: (transaction?: LoggedMessage) => LogContext,
): Promise<ClientAnswer> {
  if (quota === undefined) return passOn(NOTHING_SCANS, logContext())
  const { envelope, size } = mail
  const { defer, remark } = await checkQuota(mail, quota, readUptime)
  const answered = logContext({ message: { size, header: NO_HEADER }, envelope })
  if (defer !== undefined) return endWithReply(defer, replies, answered)
  return passOn(remark ? `${NOTHING_SCANS}; ${remark}` : NOTHING_SCANS, answered)
}

/**
 * Returns the client with these variables. Throws ScanStandalone if the kernel does not report the client's user, and the
 * client may be qmail-send with a bounce of its own, which is never refused. The standalone program knows its
 * user. A host without the user of BOUNCEUSER has no qmail-send, and mail with a client address came from a
 * server.
 */
function requireClient(
  variables: Request['variables'],
  peer: Peer | undefined,
  bounceUser: number | undefined,
): SlotClient {
  const client = readSlotClient(Object.fromEntries(variables), peer?.uid, bounceUser)
  const mayInject = bounceUser !== undefined && client.origin.clientAddress === undefined
  if (peer === undefined && mayInject)
    throw new ScanStandalone('the kernel does not identify the client')
  return client
}
