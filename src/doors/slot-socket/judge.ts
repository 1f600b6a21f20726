import { withinTime } from '../../judge/by-rule.ts'
import type { Decision } from '../../judge/decision.ts'
import { type Policy, switchedOff, withSettings } from '../../judge/policy.ts'
import { type Envelope, EnvelopeReader } from '../../message/envelope/envelope.ts'
import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { Configuration } from '../shared/configuration.ts'
import { type LogContext, TRIAL } from '../shared/log/log-lines.ts'
import { exit } from '../shared/replies/exit-codes.ts'
import { type Judgement, settle } from '../shared/settle.ts'
import { readSlotClient, type SlotClient } from '../shared/slot-client.ts'
import { TRIAL_CHAIN } from '../shared/trial-chain.ts'
import { carryOut, passOn } from './carry-out.ts'
import type { ClientPolicies, ClientPolicy } from './client-policy.ts'
import { GoCold } from './go-cold.ts'
import { type Peer, peerEntries } from './peer.ts'
import { answerUnscanned } from './quota-only.ts'
import type { Request } from './request.ts'

/** What a request is answered with, besides the request itself. */
export interface RequestContext {
  readonly configuration: Configuration
  readonly clientPolicies: ClientPolicies
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
  const clientPolicy = context.clientPolicies.get(request.variables)
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
  const replies = { form: clientPolicy.replyForm, takesReply: request.takesReply }
  const envelope = readEnvelope(request.envelope)
  const { policy } = clientPolicy
  if (policy === undefined) {
    const quota = clientPolicy.asksQuota ? configuration.quota : undefined
    return answerUnscanned({ envelope, client, size: request.size }, quota, replies, log)
  }
  const message = request.message()
  const transaction = { message, envelope, client }
  const about = () => ({ ...log(), transaction })
  try {
    const judgement = judgementInTime(request, { ...clientPolicy, policy }, context)
    const decision = await settle(transaction, judgement, {
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

/** The client's policy and scanners, and the site's rules; within the time that is left. */
function judgementInTime(
  { timeLeft }: Request,
  { policy, scanners, env }: ClientPolicy & { readonly policy: Policy },
  { configuration, waited }: RequestContext,
): Judgement {
  const { tools, quota, rules, byRule } = configuration
  return {
    policy,
    tools: { ...tools, scanners, quota },
    rules,
    byRule: (settings) => ({
      policy: withSettings(policy, env, settings),
      scanners: byRule(settings).scanners,
    }),
    adapt: (some) => withinTime(some, Math.min(some.scan.timeout, timeLeft) - waited),
  }
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
