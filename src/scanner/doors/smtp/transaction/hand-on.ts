import { Fault } from '../../../../base/errors/fault.ts'
import { nextTurn } from '../../../../base/flow/event-loop.ts'
import { editHeader, type HeaderEdits } from '../../../../mail/message/header-block.ts'
import type { Message } from '../../../../mail/message/message.ts'
import { PIECE_MAX, Stuffing } from '../../../protocol/smtp/smtp-content.ts'
import { deferralOf, type RawReply } from '../../../protocol/smtp/smtp-replies.ts'
import { CLOSING } from '../../../scan/replies/own-replies.ts'
import type { NextServer } from '../next-server/next-server.ts'
import type { ContentReplies } from './content-replies.ts'
import { clientLeft } from './receive-content.ts'

/** A received message and its route if it is accepted. */
export interface SmtpDelivery {
  /** The next server, which has taken MAIL, and RCPT for at least one recipient. */
  readonly next: NextServer
  /** The XFORWARD commands for this message, as the client sent them. */
  readonly forwards: readonly Buffer[]
  /** The MAIL command as the client sent it. */
  readonly mailLine: Buffer
  readonly message: Message
  /** The RCPT commands that the next server has taken, as they were sent. */
  readonly recipients: readonly Buffer[]
  readonly isLmtp: boolean
  /** Receives the replies as they arrive. */
  readonly replies: ContentReplies
  /** Aborted when the client has left. */
  readonly gone: AbortSignal
  /** Called before the end of the content is sent: nothing can be undone afterwards. */
  readonly beyondRecall: () => void
}

/** RCPT commands that replace those which the next server has accepted. */
interface OtherRecipients {
  readonly lines: readonly Buffer[]
  /** Whether the next server has not received these recipients before. */
  readonly areNew: boolean
}

/** A reply of the next server, for the recipient at this index; without LMTP the only one. */
export type RecipientReply = readonly [index: number, reply: RawReply]

/** Milliseconds for RSET to be answered, while the client waits for its own reply. */
const RESET_MAX = 10_000

/**
 * Ends the transaction with the next server, or closes the connection if that fails. Never rejects.
 */
export async function dropTransaction(next: NextServer): Promise<void> {
  if (next.lost) return
  const reply = await next.ask('RSET', RESET_MAX).catch(() => undefined)
  if (reply?.code !== 250) next.close()
}

/**
 * Sends the message to the next server, and yields its replies as they arrive: one for the message, or with
 * LMTP one for each recipient. Nothing is yielded before it is certain whether the next server has the whole
 * message.
 *
 * `others` receive it instead of the recipients until now. If one of them was accepted before and is refused
 * now, it is deferred: with LMTP this recipient alone, with SMTP all of them. Rejects with a Fault of kind
 * `next-hop` if the next server is lost, or gives an answer after which it cannot be used again. Rejects with
 * the errors of reading the message, too. The connection is then closed.
 */
export async function* handOn(
  edits: HeaderEdits,
  others: OtherRecipients | undefined,
  delivery: SmtpDelivery,
): AsyncGenerator<RecipientReply, void> {
  const { next, recipients, isLmtp } = delivery
  try {
    const { taken, refused } = others
      ? await readdress(others, delivery)
      : { taken: [...recipients.keys()], refused: [] }
    const start = taken.length > 0 ? await next.startData() : undefined
    if (start?.code !== 354) {
      const refusal = start && asRefusal(start, 'DATA')
      await dropTransaction(next)
      yield* refused
      if (refusal) for (const index of isLmtp ? taken : [0]) yield [index, refusal]
      return
    }
    const first = asAnswer(await sendContent(edits, delivery))
    yield* refused
    if (isLmtp) yield* answersTo(taken, first, next)
    else yield [0, first]
  } catch (error) {
    next.close() // its further replies belong to no message
    throw error
  }
}

/** Yields the answers to the same content. A 421 ends them, because the server closes (RFC 5321 3.8). */
async function* answersTo(
  recipients: readonly number[],
  first: RawReply,
  next: NextServer,
): AsyncGenerator<RecipientReply, void> {
  for (const [number, index] of recipients.entries()) {
    const reply = number === 0 ? first : asAnswer(await next.readReply())
    yield [index, reply]
    if (reply.code === CLOSING) throw unexpected(reply, 'a recipient')
  }
}

/**
 * Begins the transaction again with other recipients. RSET makes the next server discard the XFORWARD
 * attributes, so they are sent again. Resolves to the indexes of the accepted recipients, none if the message
 * must not be sent, and to the replies to the others.
 */
async function readdress(
  { lines, areNew }: OtherRecipients,
  { next, forwards, mailLine, isLmtp }: SmtpDelivery,
): Promise<{ taken: number[]; refused: RecipientReply[] }> {
  for (const line of [RSET, ...forwards, mailLine]) {
    const reply = await next.ask(line)
    if (reply.code >= 300) throw unexpected(reply, line.toString('latin1')) // it was taken before
  }
  const taken: number[] = []
  const refused: RecipientReply[] = []
  for (const [index, line] of lines.entries()) {
    const reply = await next.ask(line)
    if (reply.code < 300) {
      taken.push(index)
      continue
    }
    const refusal = asRefusal(reply, line.toString('latin1'))
    refused.push([isLmtp ? index : 0, areNew ? refusal : deferralOf(refusal)])
    if (areNew || !isLmtp) return { taken: [], refused }
  }
  return { taken, refused }
}

const RSET = Buffer.from('RSET')

/** Sends the content, and resolves to the first answer. */
async function sendContent(
  edits: HeaderEdits,
  { next, message, gone, beyondRecall }: SmtpDelivery,
): Promise<RawReply> {
  const stuffing = new Stuffing()
  let ready: Buffer[] = []
  let length = 0
  for (const piece of piecesOfMessage(editHeader(message.header, edits), message.body.chunks())) {
    ready.push(stuffing.push(piece))
    length += piece.length
    if (length < PIECE_MAX) continue
    if (gone.aborted) throw clientLeft()
    await next.send(ready)
    ready = []
    length = 0
  }
  // After this process was blocked, earlier data of the client is read before new data.
  await nextTurn()
  if (gone.aborted) throw clientLeft()
  // If the client leaves after this point, the next server has the message.
  beyondRecall()
  return next.endData([...ready, stuffing.finish()])
}

/** Yields header and body in pieces of at most PIECE_MAX bytes. */
function* piecesOfMessage(header: Buffer, body: Iterable<Buffer>): Generator<Buffer> {
  for (let at = 0; at < header.length; at += PIECE_MAX) yield header.subarray(at, at + PIECE_MAX)
  for (const chunk of body) {
    for (let at = 0; at < chunk.length; at += PIECE_MAX) yield chunk.subarray(at, at + PIECE_MAX)
  }
}

/** Returns a reply to the end of a message, if it is 2xx, 4xx or 5xx. */
function asAnswer(reply: RawReply): RawReply {
  if (reply.code >= 300 && reply.code < 400) throw unexpected(reply, 'the end of the message')
  return reply
}

function asRefusal(reply: RawReply, to: string): RawReply {
  if (reply.code < 400) throw unexpected(reply, to)
  return reply
}

function unexpected({ code }: RawReply, to: string): Fault {
  return new Fault('next-hop', `the next server answers ${code} to ${to.slice(0, 60)}`)
}
