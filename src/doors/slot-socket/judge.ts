import { errorText } from '../../ground/errors/fault.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import { judgeByRules, type PolicyFor } from '../../judge/by-rule.ts'
import type { Decision } from '../../judge/decision.ts'
import { judge } from '../../judge/engine.ts'
import { type Policy, switchedOff, withSettings } from '../../judge/policy.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { createEnvelopeReader, type Envelope } from '../../message/envelope/envelope.ts'
import { type MessageOptions, messageInMemory } from '../../message/in-memory.ts'
import { readPassedFile } from '../../message/passed-file.ts'
import type { Message } from '../../message/spool.ts'
import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import { abortable, type Scanner } from '../../scan/shared/scanner.ts'
import { type Configuration, toolsFor } from '../shared/configuration.ts'
import { keepAsDecided } from '../shared/keep-message.ts'
import { type LogContext, TRIAL } from '../shared/log/log-lines.ts'
import { exit } from '../shared/replies/exit-codes.ts'
import { TRIAL_CHAIN } from '../shared/trial-chain.ts'
import { carryOut, passOn } from './carry-out.ts'
import type { ClientPolicy } from './client-policy.ts'
import { GoCold, leaveBouncesToTheCold } from './go-cold.ts'
import { type Peer, peerEntries } from './peer.ts'
import { answerUnscanned } from './quota-only.ts'
import type { Request } from './request.ts'

/** What a request is answered with, besides the request itself. */
export interface RequestContext {
  readonly configuration: Configuration
  readonly policyFor: (variables: Request['variables']) => ClientPolicy
  /** Set if clients can hand files over. */
  readonly passing: PassedDescriptors | undefined
  /** Aborted when no answer is needed any more. */
  readonly gone: AbortSignal
  /** Milliseconds since the client connected. */
  readonly elapsed: () => number
  /** User and process of the client, if the kernel tells them. */
  readonly peer: Peer | undefined
  /** Takes what is to be shown by --http. */
  readonly reporter?: MailReporter | undefined
}

/**
 * Returns the answer to a request, as frames. Rejects with GoCold, or any other error, if there is
 * no answer: the client then becomes the cold program, so no fault of onescand decides about mail.
 */
export async function answerRequest(request: Request, context: RequestContext): Promise<Buffer> {
  const { configuration, elapsed, reporter } = context
  const clientPolicy = context.policyFor(request.variables)
  const peer = peerEntries(context.peer)
  const log = (): LogContext => ({
    door: isTrialOfCheck(request.variables) ? [TRIAL, ...peer] : peer,
    remote: clientPolicy.remote,
    transaction: undefined,
    total: elapsed(),
    onLine: reporter?.line,
  })
  const off = switchedOff(configuration.directories)
  if (off !== undefined) return passOn(off, log())
  const replies = { form: clientPolicy.replyForm, takesReply: request.takesReply }
  const envelope = readEnvelope(request.envelope)
  const { policy, client } = clientPolicy
  if (policy === undefined) {
    const quota = clientPolicy.asksQuota ? configuration.quota : undefined
    return answerUnscanned({ envelope, client, size: request.size }, quota, replies, log)
  }
  const inTime = withTimeLeft(policy, request.timeLeft)
  const message = await readMessage(request, inTime, context)
  const done = reportBegin(request, envelope, clientPolicy, reporter)
  try {
    const transaction = { message, envelope, client }
    const judged = await judgeFor({ ...clientPolicy, policy: inTime }, transaction, context)
    leaveBouncesToTheCold(judged, envelope, clientPolicy.remote)
    dropOnlyIfAsked(judged, request)
    const decision = await keep(judged, transaction, { ...log(), transaction })
    return carryOut(decision, transaction, replies, { ...log(), transaction })
  } finally {
    done?.()
    message.close()
  }
}

/** Judges by the client's policy, and by the site's rules if there are any. */
async function judgeFor(
  { policy, scanners, env }: ClientPolicy & { readonly policy: Policy },
  transaction: Transaction,
  { configuration, gone }: RequestContext,
): Promise<Decision> {
  const { quota, rules, byRule } = configuration
  const abortableAll = (some: readonly Scanner[]) => some.map((scanner) => abortable(gone, scanner))
  const tools = {
    ...toolsFor(configuration, transaction.envelope),
    scanners: abortableAll(scanners),
    quota,
  }
  if (rules === undefined) return judge(transaction, policy, tools)
  const policyFor: PolicyFor = (settings) => {
    if (settings === undefined) return { policy, tools }
    const chosen = byRule(settings).scanners
    return {
      policy: withSettings(policy, env, settings),
      tools: { ...tools, scanners: chosen ? abortableAll(chosen) : tools.scanners },
    }
  }
  return judgeByRules(transaction, rules, policyFor, 'once, some kept')
}

/** Reports that a message is being judged. Returns what is to be called when that is over. */
function reportBegin(
  { size, variables }: Request,
  { sender }: Envelope,
  { remote }: ClientPolicy,
  reporter: MailReporter | undefined,
): (() => void) | undefined {
  if (isTrialOfCheck(variables)) return undefined
  return reporter?.begin({ door: 'slot', remote, from: sender.text, size })
}

/**
 * Whether a request is a trial of `onescan check`, which is delivered nowhere and counts in no
 * figure.
 */
export const isTrialOfCheck = (variables: Request['variables']): boolean =>
  variables.get('QUEUECHAIN') === TRIAL_CHAIN

function withTimeLeft(policy: Policy, timeLeft: number): Policy {
  const timeout = Math.max(1, Math.min(policy.scan.timeout, timeLeft))
  return { ...policy, scan: { ...policy.scan, timeout } }
}

function readEnvelope(wire: Buffer): Envelope {
  const reader = createEnvelopeReader()
  reader.push(wire)
  const envelope = reader.finish()
  if (envelope.wire.length < wire.length) throw new GoCold('bytes behind the envelope')
  return envelope
}

async function readMessage(
  { message }: Request,
  policy: Policy,
  { configuration, passing }: RequestContext,
): Promise<Message> {
  const options: MessageOptions = {
    policy: policy.spool,
    digestsFor: configuration.digestsFor,
    createHash: configuration.tools.crypto?.createHash,
  }
  if (Buffer.isBuffer(message)) return messageInMemory(message, options)
  return readPassedFile({ ...message, sealed: passing!.isSealed(message.descriptor) }, options)
}

/**
 * Keeps what is decided to be kept. If it cannot be kept, the cold program tries it, and defers the
 * mail.
 */
async function keep(
  decision: Decision,
  transaction: Transaction,
  about: LogContext,
): Promise<Decision> {
  try {
    return await keepAsDecided(decision, transaction, exit.done, about)
  } catch (error) {
    throw new GoCold(errorText(error))
  }
}

/**
 * Throws GoCold if mail would be dropped in silence because of the daemon's setting, and not the
 * client's.
 */
function dropOnlyIfAsked({ kind }: Decision, { variables }: Request): void {
  if (kind !== 'discard' || variables.get('REJECTVIRUS') === '2') return
  throw new GoCold("REJECTVIRUS=2 is the daemon's, not the client's")
}
