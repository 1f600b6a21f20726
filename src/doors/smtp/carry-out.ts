import { Fault } from '../../ground/errors/fault.ts'
import type { Decision, SingleDecision, SplitDecision } from '../../judge/decision.ts'
import { acceptedShare } from '../../judge/divide.ts'
import type { HeaderEdits } from '../../message/edits.ts'
import { addressBytes } from '../../message/envelope/address.ts'
import { editHeader } from '../../message/header-block.ts'
import { replyOf } from '../shared/replies/smtp-reply.ts'
import type { ReceivedMessage } from './intake.ts'
import type { NextServer } from './next-server.ts'
import { type RawReply, rawReply } from './wire/replies.ts'
import { createStuffing, PIECE } from './wire/stuffing.ts'

/** The next server and the client, by which a decision is carried out. */
export interface SmtpDelivery {
  /** Amid a transaction: it has taken MAIL, and RCPT for at least one recipient. */
  readonly next: NextServer
  /** The MAIL command as the client said it. */
  readonly mailLine: Buffer
  readonly taken: ReceivedMessage
  /** The RCPT commands that the next server has taken, as they were said; in LMTP each has a reply of its own. */
  readonly recipients: readonly Buffer[]
  readonly lmtp: boolean
  /** Aborted when the client has left. */
  readonly gone: AbortSignal
}

const NO_EDITS: HeaderEdits = { remove: [], add: [] }

/** Called for mail that goes no further. */
export const dropped = rawReply({ code: 250, enhanced: '2.0.0', lines: ['Ok'] })

/**
 * The replies to the message, as many as the client expects. It is accepted only if and when
 * the next server has accepted it. Faults: `chain`, and `read` if the client leaves before
 * the message is with the next server.
 */
export async function carryOut(
  decision: Decision,
  outlet: SmtpDelivery,
): Promise<readonly RawReply[]> {
  switch (decision.kind) {
    case 'accept':
      return accept(decision, outlet)
    case 'split':
      return answerEach(decision, outlet)
    case 'reject':
    case 'defer':
    case 'discard':
    case 'quarantine':
      await dropTransaction(outlet.next)
      return toAll(replyWithout(decision), outlet)
  }
}

/** The message as it came. */
export function passOn(outlet: SmtpDelivery): Promise<readonly RawReply[]> {
  return handOn(NO_EDITS, undefined, outlet)
}

type Acceptance = Extract<SingleDecision, { kind: 'accept' }>

/** What is said of mail that does not go on. */
function replyWithout(decision: Exclude<SingleDecision, Acceptance>): RawReply {
  return 'reply' in decision ? rawReply(replyOf(decision.reply)) : dropped
}

async function accept(
  { edits, recipients }: Acceptance,
  outlet: SmtpDelivery,
): Promise<readonly RawReply[]> {
  if (recipients === undefined) return handOn(edits, undefined, outlet)
  const lines = recipients.map((address) => Buffer.concat([TO, addressBytes(address), CLOSE]))
  const replies = await handOn(edits, lines, outlet)
  return toAll(replies.find(({ code }) => code !== 250) ?? replies[0]!, outlet)
}

/** The message goes on to those who get it; by LMTP each of the others has a reply of its own. */
async function answerEach(
  split: SplitDecision,
  outlet: SmtpDelivery,
): Promise<readonly RawReply[]> {
  const { shares, shareOf } = split
  const isTaker = (index: number) => shares[shareOf[index]!]!.decision.kind === 'accept'
  const share = acceptedShare(split)
  const takers = outlet.recipients.filter((_, index) => isTaker(index))
  if (share === undefined) await dropTransaction(outlet.next)
  const replies = share ? await handOn(share.decision.edits, takers, outlet) : []
  if (!outlet.lmtp) return replies
  const ofTakers = replies.values()
  return shareOf.map((place) => {
    const { decision } = shares[place]!
    return decision.kind === 'accept' ? ofTakers.next().value! : replyWithout(decision)
  })
}

/** The same reply once for the message, or in LMTP once for each recipient (RFC 2033 4.2). */
export function toAll(
  reply: RawReply,
  { lmtp, recipients }: Pick<SmtpDelivery, 'lmtp' | 'recipients'>,
): readonly RawReply[] {
  return new Array<RawReply>(lmtp ? recipients.length : 1).fill(reply)
}

/** Milliseconds: the client waits for its reply meanwhile. */
const RESET_MAX = 10_000

/** Ends the transaction with the next server. If that fails, its connection is closed. */
export async function dropTransaction(next: NextServer): Promise<void> {
  if (next.lost) return
  const reply = await next.ask('RSET', RESET_MAX).catch(() => undefined)
  if (reply?.code !== 250) next.close()
}

/** The replies of the next server: by LMTP one for each recipient, or for each of `others`, which are RCPT commands. */
async function handOn(
  edits: HeaderEdits,
  others: readonly Buffer[] | undefined,
  outlet: SmtpDelivery,
): Promise<readonly RawReply[]> {
  const { next, lmtp } = outlet
  const recipients = others ?? outlet.recipients
  if (others !== undefined) {
    const refusal = await readdress(others, outlet)
    if (refusal !== undefined) return toAll(refusal, { lmtp, recipients })
  }
  const start = await next.startData()
  if (start.code !== 354) {
    await dropTransaction(next)
    return toAll(asRefusal(start, 'DATA'), { lmtp, recipients })
  }
  const replies = [asAnswer(await sendContent(edits, outlet))]
  if (lmtp) {
    while (replies.length < recipients.length) replies.push(asAnswer(await next.hear()))
  }
  return replies
}

/** Begins the transaction anew with other recipients; a refusal, if they are not all taken. */
async function readdress(
  recipients: readonly Buffer[],
  { next, mailLine }: SmtpDelivery,
): Promise<RawReply | undefined> {
  for (const line of [RSET, mailLine, ...recipients]) {
    const reply = await next.ask(line)
    if (reply.code < 300) continue
    await dropTransaction(next)
    return asRefusal(reply, line.toString('latin1'))
  }
  return undefined
}

const RSET = Buffer.from('RSET')
const TO = Buffer.from('RCPT TO:<')
const CLOSE = Buffer.from('>')

async function sendContent(
  edits: HeaderEdits,
  { next, taken, gone }: SmtpDelivery,
): Promise<RawReply> {
  const { message, lineEnds } = taken
  const stuffing = createStuffing(lineEnds)
  let ready: Buffer[] = []
  let length = 0
  try {
    for (const piece of piecesOf(editHeader(message.header, edits), message.body())) {
      ready.push(stuffing.push(piece))
      length += piece.length
      if (length < PIECE) continue
      if (gone.aborted) throw new Fault('read', 'the client left before it was answered')
      await next.send(ready)
      ready = []
      length = 0
    }
    if (gone.aborted) throw new Fault('read', 'the client left before it was answered')
  } catch (error) {
    next.close() // without the dot nothing is delivered
    throw error
  }
  return next.endData([...ready, stuffing.finish()])
}

/** Never larger than PIECE. */
function* piecesOf(header: Buffer, body: Iterable<Buffer>): Generator<Buffer> {
  for (let at = 0; at < header.length; at += PIECE) yield header.subarray(at, at + PIECE)
  for (const chunk of body) {
    for (let at = 0; at < chunk.length; at += PIECE) yield chunk.subarray(at, at + PIECE)
  }
}

/** To the end of a message 2xx, 4xx and 5xx are answers. */
function asAnswer(reply: RawReply): RawReply {
  if (reply.code >= 300 && reply.code < 400) throw unexpected(reply, 'the end of the message')
  return reply
}

function asRefusal(reply: RawReply, to: string): RawReply {
  if (reply.code < 400) throw unexpected(reply, to)
  return reply
}

function unexpected({ code }: RawReply, to: string): Fault {
  return new Fault('chain', `the next server answers ${code} to ${to.slice(0, 60)}`)
}
