import { basename, dirname, join, resolve } from 'node:path'
import { createEnvelopeReader, type Envelope } from '../../envelope/envelope.ts'
import type { Decision, Quarantined } from '../../judge/decision.ts'
import { judge } from '../../judge/engine.ts'
import { type Policy, switchedOff } from '../../judge/policy.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { holdMessage, type LookOptions } from '../../message/held.ts'
import { borrowMessage } from '../../message/lent.ts'
import type { Message } from '../../message/spool.ts'
import { errorText } from '../../runtime/fault.ts'
import { abortable } from '../../scan/shared/scanner.ts'
import type { Witness } from '../../visible/live/witness.ts'
import { type Configuration, toolsFor } from '../shared/configuration.ts'
import { exit } from '../shared/exit-codes.ts'
import { keepInQuarantine } from '../shared/keep-message.ts'
import type { Circumstances } from '../shared/log-lines.ts'
import { carryOut, passOn } from './carry-out.ts'
import type { ClientPolicy } from './client-policy.ts'
import { GoCold, leaveBouncesToTheCold } from './go-cold.ts'
import { type Peer, peerEntries } from './peer.ts'
import { answerUnscanned } from './quota-only.ts'
import type { Request } from './request.ts'

export interface Judgement {
  readonly configuration: Configuration
  readonly policyFor: (variables: Request['variables']) => ClientPolicy
  /** Whether clients may lend files: not if every user of the host may connect. */
  readonly ownersTrusted: boolean
  /** Aborted when no answer is needed any more. */
  readonly gone: AbortSignal
  /** Milliseconds since the client connected. */
  readonly elapsed: () => number
  /** User and process of the client, if they can be known. */
  readonly peer: Peer | undefined
  /** Who shows what is done with mail. */
  readonly witness?: Witness | undefined
}

/**
 * The answer to a request, as frames. GoCold, or any other error, if there is none:
 * the client asks the cold program then, so that no fault of ours decides about mail.
 */
export async function answerRequest(request: Request, judgement: Judgement): Promise<Buffer> {
  const { configuration, elapsed, witness } = judgement
  const peer = peerEntries(judgement.peer)
  const { policy: known, scanners, ...client } = judgement.policyFor(request.variables)
  const { remote } = client
  const told = witness?.line
  const circumstances = () => {
    return { door: peer, remote, transaction: undefined, total: elapsed(), told }
  }
  const off = switchedOff(configuration.place)
  if (off !== undefined) return passOn(off, circumstances())
  const reporting = { form: client.replyForm, takesReply: request.takesReply }
  const envelope = readEnvelope(request.envelope)
  if (known === undefined) {
    const quota = client.asksQuota ? configuration.quota : undefined
    const mail = { ...client, envelope, size: request.size, peer, told }
    return answerUnscanned(mail, quota, reporting, elapsed)
  }

  const policy = withTimeLeft(known, request.timeLeft)
  const tools = {
    ...toolsFor(configuration, envelope),
    scanners: scanners.map((scanner) => abortable(judgement.gone, scanner)),
    quota: configuration.quota,
  }
  const message = await readMessage(request, policy, judgement)
  const over = witness?.begin({
    door: 'slot',
    remote,
    from: envelope.sender.text,
    size: request.size,
  })
  try {
    const transaction = { message, envelope, client: client.client }
    const judged = await judge(transaction, policy, tools)
    leaveBouncesToTheCold(judged, envelope, remote)
    dropOnlyWhereAsked(judged, request)
    const about = () => ({ ...circumstances(), transaction })
    const decision =
      judged.kind === 'quarantine' ? await keep(judged, transaction, about()) : judged
    return carryOut(decision, transaction, reporting, about())
  } finally {
    over?.()
    message.close()
  }
}

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
  { message, size }: Request,
  policy: Policy,
  { configuration, ownersTrusted, peer }: Judgement,
): Promise<Message> {
  const options: LookOptions = {
    policy: policy.spool,
    digestsFor: configuration.digestsFor,
    createHash: configuration.tools.crypto?.createHash,
  }
  if (typeof message !== 'string') return holdMessage(message, options)
  // Somebody else's file may be one that the client would like to have vouched for.
  if (peer === undefined) throw new GoCold('a file of nobody knows whom: install koffi')
  const path = ownPath(message, policy)
  return borrowMessage({ path, size, owner: peer.uid, ownerTrusted: ownersTrusted }, options)
}

/** In our SPOOLDIR and nowhere below: any other file would be read with our rights, not the client's. */
function ownPath(path: string, { spool }: Policy): string {
  const directory = spool.sharedDirectory
  if (directory === undefined || resolve(dirname(path)) !== resolve(directory)) {
    throw new GoCold(`${path} does not lie in the daemon's SPOOLDIR`)
  }
  return join(directory, basename(path))
}

/** What cannot be kept is no trouble of the daemon's: the client tells its sender to try again. */
async function keep(
  decision: Quarantined,
  transaction: Transaction,
  about: Circumstances,
): Promise<Quarantined> {
  try {
    return await keepInQuarantine(decision, transaction, exit.done, about)
  } catch (error) {
    throw new GoCold(errorText(error))
  }
}

/** No client lets mail go without a word because of somebody else's setting. */
function dropOnlyWhereAsked({ kind }: Decision, { variables }: Request): void {
  if (kind !== 'discard' || variables.get('REJECTVIRUS') === '2') return
  throw new GoCold("REJECTVIRUS=2 is the daemon's, not the client's")
}
