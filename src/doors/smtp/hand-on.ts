import { Fault, isFault } from '../../ground/errors/fault.ts'
import type { Decision } from '../../judge/decision.ts'
import type { HeaderEdits } from '../../message/edits.ts'
import { editHeader } from '../../message/header-block.ts'
import type { ReceivedMessage } from './intake.ts'
import type { NextServer } from './next-server.ts'
import { nextServerLost } from './own-replies.ts'
import { clientLeft } from './receive-content.ts'
import type { RawReply } from './wire/replies.ts'
import { createStuffing, PIECE } from './wire/stuffing.ts'

/** A received message and the way that it takes if it is accepted. */
export interface SmtpDelivery {
  /** The next server, which has taken MAIL, and RCPT for at least one recipient. */
  readonly next: NextServer
  /** The XFORWARD commands for this message, as the client sent them. */
  readonly forwards: readonly Buffer[]
  /** The MAIL command as the client sent it. */
  readonly mailLine: Buffer
  readonly received: ReceivedMessage
  /**
   * The RCPT commands that the next server has taken, as they were sent. By LMTP each has a reply
   * of its own.
   */
  readonly recipients: readonly Buffer[]
  readonly lmtp: boolean
  /** Aborted when the client has left. */
  readonly gone: AbortSignal
}

/** What the client is told of a message that was handed on, or was not. */
export interface HandedOn {
  /** What stands of the decision; undefined if nothing was decided. */
  readonly decision?: Decision
  /** One reply, or by LMTP one for each recipient. */
  readonly replies: readonly RawReply[]
  /** Why the next server has not answered for each of them. */
  readonly lost?: Fault | undefined
}

/**
 * Returns the same reply once for the message, or by LMTP once for each recipient (RFC 2033 4.2).
 */
export function toAll(
  reply: RawReply,
  { lmtp, recipients }: Pick<SmtpDelivery, 'lmtp'> & { readonly recipients: number },
): readonly RawReply[] {
  return new Array<RawReply>(lmtp ? recipients : 1).fill(reply)
}

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
 * Hands the message on to its recipients, or to `others`, which are RCPT commands. Resolves to
 * the replies of the next server. By LMTP a recipient without one, because the next server was lost
 * before, is deferred. Rejects with a Fault of kind `chain` if it was lost before its first reply.
 */
export async function handOn(
  edits: HeaderEdits,
  others: readonly Buffer[] | undefined,
  delivery: SmtpDelivery,
): Promise<HandedOn> {
  const { next, lmtp } = delivery
  const recipients = others ?? delivery.recipients
  if (others !== undefined) {
    const refusal = await readdress(others, delivery)
    if (refusal !== undefined)
      return { replies: toAll(refusal, { lmtp, recipients: recipients.length }) }
  }
  const start = await next.startData()
  if (start.code !== 354) {
    await dropTransaction(next)
    return { replies: toAll(asRefusal(start, 'DATA'), { lmtp, recipients: recipients.length }) }
  }
  const replies = [asAnswer(await sendContent(edits, delivery))]
  if (!lmtp) return { replies }
  try {
    while (replies.length < recipients.length) replies.push(asAnswer(await next.hear()))
    return { replies }
  } catch (error) {
    next.close() // whatever it says now belongs to nobody
    const missing = recipients.length - replies.length
    return {
      replies: [...replies, ...new Array(missing).fill(nextServerLost)],
      lost: chainFault(error),
    }
  }
}

/** Returns the error if it is a fault of the next server, and else throws it. */
export function chainFault(error: unknown): Fault {
  if (isFault(error) && error.kind === 'chain') return error
  throw error
}

/**
 * Begins the transaction anew with other recipients. The next server forgets at RSET what XFORWARD
 * has said, so it is told again. Resolves to the first refusal, or to undefined
 * if all are taken.
 */
async function readdress(
  recipients: readonly Buffer[],
  { next, forwards, mailLine }: SmtpDelivery,
): Promise<RawReply | undefined> {
  for (const line of [RSET, ...forwards, mailLine, ...recipients]) {
    const reply = await next.ask(line)
    if (reply.code < 300) continue
    await dropTransaction(next)
    return asRefusal(reply, line.toString('latin1'))
  }
  return undefined
}

const RSET = Buffer.from('RSET')

async function sendContent(
  edits: HeaderEdits,
  { next, received, gone }: SmtpDelivery,
): Promise<RawReply> {
  const { message, lineEnds } = received
  const stuffing = createStuffing(lineEnds)
  let ready: Buffer[] = []
  let length = 0
  try {
    for (const piece of piecesOf(editHeader(message.header, edits), message.body())) {
      ready.push(stuffing.push(piece))
      length += piece.length
      if (length < PIECE) continue
      if (gone.aborted) throw clientLeft()
      await next.send(ready)
      ready = []
      length = 0
    }
    if (gone.aborted) throw clientLeft()
  } catch (error) {
    next.close() // without the dot nothing is delivered
    throw error
  }
  return next.endData([...ready, stuffing.finish()])
}

/** Yields header and body in pieces of at most PIECE bytes. */
function* piecesOf(header: Buffer, body: Iterable<Buffer>): Generator<Buffer> {
  for (let at = 0; at < header.length; at += PIECE) yield header.subarray(at, at + PIECE)
  for (const chunk of body) {
    for (let at = 0; at < chunk.length; at += PIECE) yield chunk.subarray(at, at + PIECE)
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
  return new Fault('chain', `the next server answers ${code} to ${to.slice(0, 60)}`)
}
