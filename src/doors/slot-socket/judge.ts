import { type Envelope, EnvelopeReader } from '../../mail/message/envelope/envelope.ts'
import type { Decision } from '../../scan/judge/decision.ts'
import { switchedOff } from '../../scan/judge/policy.ts'
import { adapt, type Site, withinTime } from '../../scan/judge/site.ts'
import type { MailReporter } from '../observe/live/process-report.ts'
import type { Configuration } from '../shared/configuration.ts'
import { type LogContext, TRIAL } from '../shared/log/log-lines.ts'
import { exit } from '../shared/replies/exit-codes.ts'
import { settle } from '../shared/settle.ts'
import { readSlotClient, type SlotClient } from '../shared/slot-client.ts'
import { TRIAL_CHAIN } from '../shared/trial-chain.ts'
import { carryOut, passOn } from './carry-out.ts'
import type { ClientSites } from './client-site.ts'
import { GoCold } from './go-cold.ts'
import { type Peer, peerEntries } from './peer.ts'
import { answerUnscanned } from './quota-only.ts'
import type { Request } from './request.ts'

/** What a request is answered with, besides the request itself. */
export interface RequestContext {
  readonly configuration: Configuration
  readonly clientSites: ClientSites
  /** Aborted when no answer is needed any more. */
  readonly gone: AbortSignal
  /** Milliseconds for which the request has waited for its turn. */
  readonly waited: number
  /** Milliseconds since the client connected. */
  readonly elapsed: () => number
  /** User and process of the client, if the kernel tells them. */
  readonly peer: Peer | undefined
  /** The user that qmail-send injects bounces as. */
  readonly bounceUser: () => number | undefined
  /** Takes what is to be shown by --http. */
  readonly reporter?: MailReporter | undefined
}

/**
 * Returns the answer to a request, as frames. Rejects with GoCold, or any other error, if there is
 * no answer: the client then becomes the cold program, so no fault of onescand decides about mail.
 */
export async function answerRequest(request: Request, context: RequestContext): Promise<Buffer> {
  const { configuration, elapsed, reporter } = context
  const { site, asksQuota, replyForm } = context.clientSites.get(request.variables)
  const client = readClient(request, context)
  const peer = peerEntries(context.peer)
  const log = (): LogContext => ({
    door: isTrialOfCheck(request.variables) ? [TRIAL, ...peer] : peer,
    remote: client.origin.clientAddress,
    transaction: undefined,
    total: elapsed(),
    onLine: reporter?.line,
  })
  const off = switchedOff(configuration.directories)
  if (off !== undefined) return passOn(off, log())
  const replies = { form: replyForm, takesReply: request.takesReply }
  const envelope = readEnvelope(request.envelope)
  if (site === undefined) {
    const quota = asksQuota ? configuration.quota : undefined
    return answerUnscanned({ envelope, client, size: request.size }, quota, replies, log)
  }
  const message = request.message()
  const transaction = { message, envelope, client }
  const about = () => ({ ...log(), transaction })
  try {
    const decision = await settle(transaction, withinTimeOf(site, request, context), {
      answers: 'once, some kept',
      gone: context.gone,
      begin: isTrialOfCheck(request.variables) ? undefined : reporter?.begin,
      check: (judged) => dropOnlyIfAsked(judged, request),
      code: exit.done,
      about,
    })
    return carryOut(decision, transaction, replies, about())
  } finally {
    message.close()
  }
}

/** The client's site with the time that is left, and with the service that knows who is over quota. */
function withinTimeOf(
  site: Site,
  { timeLeft }: Request,
  { configuration: { quota }, waited }: RequestContext,
): Site {
  return adapt(site, (own) => ({
    ...withinTime(own, Math.min(own.policy.settings.timeout, timeLeft) - waited),
    tools: { ...own.tools, quota },
  }))
}

/**
 * Reads the client. Throws GoCold if it may be qmail-send with a bounce of its own, which is never
 * refused, and the kernel does not tell its user: the cold program knows. A host without the user of
 * BOUNCEUSER has no qmail-send, and mail that has an address came from a server.
 */
function readClient({ variables }: Request, { peer, bounceUser }: RequestContext): SlotClient {
  const injector = bounceUser()
  const client = readSlotClient(Object.fromEntries(variables), peer?.uid, injector)
  const mayInject = injector !== undefined && client.origin.clientAddress === undefined
  if (peer === undefined && mayInject) throw new GoCold('the kernel does not tell who asks')
  return client
}

/**
 * Whether a request is a trial of `onescan check`, which is delivered nowhere and counts in no
 * figure.
 */
export const isTrialOfCheck = (variables: Request['variables']): boolean =>
  variables.get('QUEUECHAIN') === TRIAL_CHAIN

function readEnvelope(wire: Buffer): Envelope {
  const reader = new EnvelopeReader()
  reader.push(wire)
  const envelope = reader.finish()
  if (envelope.wire.length < wire.length) throw new GoCold('bytes after the envelope')
  return envelope
}

/**
 * Returns the decision. Throws GoCold if mail would be dropped in silence because of the daemon's setting, and not the
 * client's.
 */
function dropOnlyIfAsked(decision: Decision, { variables }: Request): Decision {
  if (decision.kind !== 'discard' || variables.get('REJECTVIRUS') === '2') return decision
  throw new GoCold("REJECTVIRUS=2 is the daemon's, not the client's")
}
