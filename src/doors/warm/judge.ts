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
import { abortable } from '../../scan/shared/scanner.ts'
import { type Configuration, toolsFor } from '../shared/configuration.ts'
import { keepAsDecided } from '../shared/keep-message.ts'
import { type LogContext, TRIAL } from '../shared/log/log-lines.ts'
import { exit } from '../shared/replies/exit-codes.ts'
import { tellExceptions } from '../shared/tell-exceptions.ts'
import { TRIAL_CHAIN } from '../shared/trial-chain.ts'
import { carryOut, passOn } from './carry-out.ts'
import type { ClientPolicy } from './client-policy.ts'
import { GoCold, leaveBouncesToTheCold } from './go-cold.ts'
import { type Peer, peerEntries } from './peer.ts'
import { answerUnscanned } from './quota-only.ts'
import type { Request } from './request.ts'

export interface RequestContext {
  readonly configuration: Configuration
  readonly policyFor: (variables: Request['variables']) => ClientPolicy
  /** Set if clients can hand files over. */
  readonly passing: PassedDescriptors | undefined
  /** Aborted when no answer is needed any more. */
  readonly gone: AbortSignal
  /** Milliseconds since the client connected. */
  readonly elapsed: () => number
  /** User and process of the client, if they can be known. */
  readonly peer: Peer | undefined
  /** Who shows what is done with mail. */
  readonly reporter?: MailReporter | undefined
}

/**
 * The answer to a request, as frames. GoCold, or any other error, if there is none:
 * the client asks the cold program then, so that no fault of ours decides about mail.
 */
export async function answerRequest(request: Request, judgement: RequestContext): Promise<Buffer> {
  const { configuration, elapsed, reporter } = judgement
  const peer = peerEntries(judgement.peer)
  const { policy: known, scanners, ...client } = judgement.policyFor(request.variables)
  const { remote } = client
  const told = reporter?.line
  const isTrial = isTrialOfCheck(request.variables)
  const door = isTrial ? [TRIAL, ...peer] : peer
  const logContext = () => {
    return { door, remote, transaction: undefined, total: elapsed(), told }
  }
  const off = switchedOff(configuration.place)
  if (off !== undefined) return passOn(off, logContext())
  const reporting = { form: client.replyForm, takesReply: request.takesReply }
  const envelope = readEnvelope(request.envelope)
  if (known === undefined) {
    const quota = client.asksQuota ? configuration.quota : undefined
    const mail = { ...client, envelope, size: request.size, peer: door, told }
    return answerUnscanned(mail, quota, reporting, elapsed)
  }

  const policy = withTimeLeft(known, request.timeLeft)
  const tools = {
    ...toolsFor(configuration, envelope),
    scanners: scanners.map((scanner) => abortable(judgement.gone, scanner)),
    quota: configuration.quota,
  }
  const message = await readMessage(request, policy, judgement)
  const about = { door: 'slot', remote, from: envelope.sender.text, size: request.size }
  const over = isTrial ? undefined : reporter?.begin(about)
  try {
    const transaction = { message, envelope, client: client.client }
    const { rules, byRule } = configuration
    const planFor: PolicyFor = (settings) => {
      if (settings === undefined) return { policy, tools }
      const chosen = byRule(settings).scanners?.map((it) => abortable(judgement.gone, it))
      const set = withSettings(policy, client.env, settings)
      return { policy: set, tools: { ...tools, scanners: chosen ?? tools.scanners } }
    }
    const judged = rules
      ? await judgeByRules(transaction, rules, planFor, 'once, some kept')
      : await judge(transaction, policy, tools)
    leaveBouncesToTheCold(judged, envelope, remote)
    dropOnlyWhereAsked(judged, request)
    if (!isTrial) tellExceptions(judged, envelope, configuration)
    const known = () => ({ ...logContext(), transaction })
    const decision = await keep(judged, transaction, known())
    return carryOut(decision, transaction, reporting, known())
  } finally {
    over?.()
    message.close()
  }
}

/** Whether `onescan check` asks: its mail is delivered nowhere, and counts in no figure. */
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
 * A message that cannot be kept is no failure of the daemon: the client tells its sender to try
 * again.
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

/** No client drops mail in silence because of somebody else's setting. */
function dropOnlyWhereAsked({ kind }: Decision, { variables }: Request): void {
  if (kind !== 'discard' || variables.get('REJECTVIRUS') === '2') return
  throw new GoCold("REJECTVIRUS=2 is the daemon's, not the client's")
}
