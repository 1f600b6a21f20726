import type { Acceptance, Decision, SingleDecision, SplitDecision } from '../../judge/decision.ts'
import { acceptedShare } from '../../judge/divide.ts'
import type { HeaderEdits } from '../../message/edits.ts'
import { addressBytes } from '../../message/envelope/address.ts'
import { replyOf } from '../shared/replies/smtp-reply.ts'
import {
  chainFault,
  dropTransaction,
  type HandedOn,
  handOn,
  type SmtpDelivery,
  toAll,
} from './hand-on.ts'
import { nextServerLost } from './own-replies.ts'
import { type RawReply, rawReply } from './wire/replies.ts'

const TO = Buffer.from('RCPT TO:<')
const CLOSE = Buffer.from('>')
const NO_EDITS: HeaderEdits = { remove: [], add: [] }

/** The reply to mail that is taken and goes no further. */
export const dropped = rawReply({ code: 250, enhanced: '2.0.0', lines: ['Ok'] })

/**
 * Carries a decision out, and resolves to as many replies as the client expects. Mail is accepted
 * only if and when the next server has accepted it. Rejects with a Fault of kind `chain`, or of
 * kind `read` if the client leaves before the message is with the next server.
 */
export async function carryOut(decision: Decision, delivery: SmtpDelivery): Promise<HandedOn> {
  switch (decision.kind) {
    case 'accept':
      return accept(decision, delivery)
    case 'split':
      return answerEach(decision, delivery)
    case 'reject':
    case 'defer':
    case 'discard':
    case 'quarantine':
      await dropTransaction(delivery.next)
      return { replies: toEach(replyIfKept(decision), delivery) }
  }
}

/** Hands the message on as it came. */
export function passOn(delivery: SmtpDelivery): Promise<HandedOn> {
  return handOn(NO_EDITS, undefined, delivery)
}

const toEach = (reply: RawReply, { lmtp, recipients }: SmtpDelivery) =>
  toAll(reply, { lmtp, recipients: recipients.length })

/** Returns the reply to mail that does not go on. */
function replyIfKept(decision: Exclude<SingleDecision, Acceptance>): RawReply {
  return 'reply' in decision ? rawReply(replyOf(decision.reply)) : dropped
}

async function accept(
  { edits, recipients }: Acceptance,
  delivery: SmtpDelivery,
): Promise<HandedOn> {
  if (recipients === undefined) return handOn(edits, undefined, delivery)
  const lines = recipients.map((address) => Buffer.concat([TO, addressBytes(address), CLOSE]))
  const { replies, lost } = await handOn(edits, lines, delivery)
  const worst = replies.find(({ code }) => code !== 250) ?? replies[0]!
  return { replies: toEach(worst, delivery), lost }
}

/**
 * Hands the message on to the recipients whose share is accepted. By LMTP the others get replies of
 * their own, whatever becomes of the next server.
 */
async function answerEach(split: SplitDecision, delivery: SmtpDelivery): Promise<HandedOn> {
  const { shares, shareOf } = split
  const isTaker = (index: number) => shares[shareOf[index]!]!.decision.kind === 'accept'
  const share = acceptedShare(split)
  const takers = delivery.recipients.filter((_, index) => isTaker(index))
  if (share === undefined) await dropTransaction(delivery.next)
  const { replies, lost } = share
    ? await handOn(share.decision.edits, takers, delivery).catch((error) => {
        return { replies: takers.map(() => nextServerLost), lost: chainFault(error) }
      })
    : { replies: [] }
  if (!delivery.lmtp) return { replies: replies.slice(0, 1), lost }
  const ofTakers = replies.values()
  const ofEach = shareOf.map((share) => {
    const { decision } = shares[share]!
    return decision.kind === 'accept' ? ofTakers.next().value! : replyIfKept(decision)
  })
  return { replies: ofEach, lost }
}
