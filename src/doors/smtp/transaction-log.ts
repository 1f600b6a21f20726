import type { Fault } from '../../ground/errors/fault.ts'
import type { LogField } from '../../ground/errors/log.ts'
import type { Origin } from '../../message/envelope/origin.ts'
import type { Judging } from '../shared/judging.ts'
import { aboutShare, decisionLines, type LogContext, passLine } from '../shared/log/log-lines.ts'
import type { HandedOn } from './hand-on.ts'
import { nextServerLost } from './own-replies.ts'
import { type RawReply, replyTexts } from './wire/replies.ts'

/** Makes what all lines about a transaction say, for the replies that its recipients got. */
export type AboutReplies = (replies: readonly RawReply[], next?: string) => LogContext

/**
 * Yields the log lines for a message whose decision was carried out; the decision is undefined if
 * nothing was looked at. Each share of a split message is logged with the replies to its own
 * recipients.
 */
export function* transactionLines(
  { decision, replies, lost }: HandedOn,
  judging: Judging,
  about: AboutReplies,
): Generator<Buffer> {
  if (decision === undefined) {
    yield passLine('why' in judging ? judging.why : '', about(replies, refusedBy(replies, lost)))
    return
  }
  if (decision.kind !== 'split') {
    const next = decision.kind === 'accept' ? refusedBy(replies, lost) : ''
    yield* decisionLines(decision, undefined, about(replies, next))
    return
  }
  for (const [number, share] of decision.shares.entries()) {
    const isOwn = (index: number) => replies.length === 1 || decision.shareOf[index] === number
    const own = replies.filter((_, index) => isOwn(index))
    const next = share.decision.kind === 'accept' ? refusedBy(own, lost) : ''
    yield* decisionLines(share.decision, undefined, aboutShare(share, about(own, next)))
  }
}

/**
 * Returns the entries that this door adds to a line. `next` is the refusal of the next server, if
 * any.
 */
export function doorEntries(
  origin: Origin,
  replies: readonly RawReply[],
  next: string,
): LogField[] {
  return [
    ['reply', worstOf(replies)?.code],
    ['next', next],
    ['door', 'smtp'],
    ['queue', origin.queueId],
  ]
}

/**
 * Returns what the next server said, or why it said nothing, if it has not taken the message, and
 * else ''.
 */
function refusedBy(replies: readonly RawReply[], lost: Fault | undefined): string {
  const worst = worstOf(replies)
  if (worst === nextServerLost && lost !== undefined) return lost.message
  return worst === undefined || worst.code < 400
    ? ''
    : `${worst.code} ${replyTexts(worst).join(' ')}`
}

/** Returns the first refusal, or the first reply if there is no refusal. */
function worstOf(replies: readonly RawReply[]): RawReply | undefined {
  return replies.find(({ code }) => code >= 400) ?? replies[0]
}
