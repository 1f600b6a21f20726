import { type Fault, isFault } from '../../../../base/errors/fault.ts'
import { addressBytes } from '../../../../base/text/address.ts'
import { NO_EDITS } from '../../../../mail/message/header-block.ts'
import { replyOf } from '../../../handling/smtp-reply.ts'
import { type RawReply, rawReply } from '../../../protocol/smtp/smtp-replies.ts'
import type {
  Acceptance,
  Decision,
  SingleDecision,
  SplitDecision,
} from '../../../scan/judge/decision/decision.ts'
import { acceptedShare } from '../../../scan/judge/decision/divide.ts'
import { ownReply } from '../../../scan/replies/own-replies.ts'
import { dropTransaction, handOn, type RecipientReply, type SmtpDelivery } from './hand-on.ts'

const BEFORE_ADDRESS = Buffer.from('RCPT TO:<')
const AFTER_ADDRESS = Buffer.from('>')

/**
 * Carries a decision out, and gives every recipient its reply; without a decision the message goes on
 * unchanged. Mail is accepted only after the next server has accepted it. Resolves to the reason if the next
 * server was lost before it had answered for all recipients, otherwise to undefined. Rejects with a Fault of
 * kind `next-hop` if the next server was lost before its first answer. Rejects with kind `read` if the client
 * leaves before the next server has the message.
 */
export async function carryOutBySmtp(
  decision: Decision | undefined,
  delivery: SmtpDelivery,
): Promise<Fault | undefined> {
  switch (decision?.kind) {
    case undefined:
      return accept({ edits: NO_EDITS }, delivery)
    case 'accept':
      return accept(decision, delivery)
    case 'split':
      return answerEach(decision, delivery)
    case 'reject':
    case 'defer':
    case 'discard':
    case 'quarantine':
      await dropTransaction(delivery.next)
      delivery.replies.answerRest(replyIfKept(decision))
      return undefined
  }
}

/** Returns the reply to mail that does not go on. */
function replyIfKept(decision: Exclude<SingleDecision, Acceptance>): RawReply {
  return 'reply' in decision ? rawReply(replyOf(decision.reply)) : ownReply.ok
}

async function accept(
  { edits, recipients }: Pick<Acceptance, 'edits' | 'recipients'>,
  delivery: SmtpDelivery,
): Promise<Fault | undefined> {
  if (recipients !== undefined) return forward({ edits, recipients }, delivery)
  const everybody = [...delivery.recipients.keys()]
  const { received, lost } = await answerAsReceived(
    handOn(edits, undefined, delivery),
    everybody,
    delivery,
  )
  if (lost !== undefined && received === 0) throw lost
  return lost
}

/** Passes the message on to other recipients (VIRUSFORWARD); their first refusal applies to all. */
async function forward(
  { edits, recipients }: Required<Pick<Acceptance, 'edits' | 'recipients'>>,
  delivery: SmtpDelivery,
): Promise<undefined> {
  const lines = recipients.map((address) =>
    Buffer.concat([BEFORE_ADDRESS, addressBytes(address), AFTER_ADDRESS]),
  )
  const replies: RawReply[] = []
  for await (const [, reply] of handOn(edits, { lines, areNew: true }, delivery)) {
    replies.push(reply)
  }
  delivery.replies.answerRest(replies.find(({ code }) => code !== 250) ?? replies[0]!)
}

/**
 * Sends the message to the recipients whose share is accepted. With LMTP the others receive separate replies,
 * even if the next server is lost.
 */
async function answerEach(
  split: SplitDecision,
  delivery: SmtpDelivery,
): Promise<Fault | undefined> {
  const { shares, shareOf } = split
  const { replies, recipients, isLmtp, next } = delivery
  const isTaker = (index: number) => shares[shareOf[index]!]!.decision.kind === 'accept'
  const takers = [...shareOf.keys()].filter(isTaker)
  /** Until then the message may have to be withdrawn from quarantine. */
  const answerOthers = () => {
    if (!isLmtp) return
    for (const [index, share] of shareOf.entries()) {
      const { decision } = shares[share]!
      if (decision.kind !== 'accept') replies.answer(index, replyIfKept(decision))
    }
  }
  const share = acceptedShare(split)
  if (share === undefined) {
    await dropTransaction(next)
    answerOthers()
    return undefined
  }
  const lines = takers.map((index) => recipients[index]!)
  const handedOn = handOn(share.decision.edits, { lines, areNew: false }, delivery)
  const { lost } = await answerAsReceived(handedOn, takers, delivery, answerOthers)
  return lost
}

/**
 * Gives recipients the replies of the next server as they arrive. `indexes` are the positions of these
 * recipients among all. If the next server is lost, the others are deferred. Calls `before` before the first
 * reply. Resolves to the number of replies received, and to why the server was lost.
 */
async function answerAsReceived(
  handedOn: AsyncIterable<RecipientReply>,
  indexes: readonly number[],
  { replies, isLmtp }: SmtpDelivery,
  before = () => {},
): Promise<{ received: number; lost?: Fault }> {
  let received = 0
  try {
    for await (const [number, reply] of handedOn) {
      if (received++ === 0) before()
      replies.answer(isLmtp ? indexes[number]! : 0, reply)
    }
    return { received }
  } catch (error) {
    if (!isFault(error) || error.kind !== 'next-hop') throw error
    if (received === 0) before()
    for (const index of isLmtp ? indexes : [0]) replies.answer(index, ownReply.nextServerLost)
    return { received, lost: error }
  }
}
