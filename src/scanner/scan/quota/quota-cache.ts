import { LruCache } from '../../../base/flow/cache.ts'
import type { QuotaAnswer, Usage } from '../../../base/protocol/quota/quota-answer.ts'
import type { MailAddress } from '../../../base/text/address.ts'
import type { ExplainedAnswer } from './quota-lookup.ts'

/** The number of users about whom a process caches answers of a service, and entries of a directory. */
export const USERS_CACHED = 20_000

/** The answers about mailboxes. They hold for longer the more room a mailbox has. */
export class QuotaCache {
  readonly #answers = new LruCache<DatedAnswer>(USERS_CACHED)

  /** Returns the answer about a message of `incoming` bytes, or undefined if the service must be asked. */
  find(address: MailAddress, incoming: number, time: number): ExplainedAnswer | undefined {
    const dated = this.#answers.get(address.text)
    if (dated === undefined || dated.until <= time) return undefined
    const answer = answerFor(dated, incoming, time)
    return answer && { ...dated, answer }
  }

  keep(address: MailAddress, dated: DatedAnswer): void {
    if (dated.until > dated.at) this.#answers.set(address.text, dated)
  }
}

/** An answer, the query that it was given to, and the time until which it holds. */
export interface DatedAnswer extends ExplainedAnswer {
  /** The size of the message in the request, or undefined if the service receives none. */
  readonly incoming: number | undefined
  /**
   * The times at which the answer was given and expires, in milliseconds of `uptime`. Both are equal for an
   * answer that is not cached.
   */
  readonly at: number
  readonly until: number
}

export function datedAnswer(
  answer: QuotaAnswer,
  request: Pick<DatedAnswer, 'source' | 'incoming' | 'at'>,
  soft: number,
): DatedAnswer {
  const isUnknownUser = answer.status === 'no-such-user'
  return { ...request, answer, isUnknownUser, until: request.at + lifetimeOf(answer, soft) }
}

/**
 * Applies a cached answer to a message of `incoming` bytes. Returns undefined if the answer does not cover
 * that size, so that the service must be asked. An answer older than `FULL_FOR` is never *full*, because the
 * mailbox may have room by now.
 */
export function answerFor(
  dated: DatedAnswer,
  incoming: number,
  time: number,
): QuotaAnswer | undefined {
  const { answer, incoming: asked = incoming } = dated
  if (answer.status === 'full') return incoming >= asked ? answer : undefined
  if (answer.status !== 'room') return answer
  const { usage } = answer
  if (usage === undefined) return incoming <= asked ? answer : undefined
  if (usage.quota === undefined || usage.size + incoming <= usage.quota) return answer
  // The service reported room for a smaller message.
  return time - dated.at < FULL_FOR ? { status: 'full', usage } : undefined
}

/** Milliseconds of a second. The constants below are lifetimes of answers. */
const SECOND = 1000
/** For a mailbox with much room, or without a quota. */
const MUCH_ROOM_FOR = 3600 * SECOND
/** For a mailbox that is nearly full. */
const NEARLY_FULL_FOR = 5 * SECOND
/** For a full mailbox. A user who makes room should not have to wait long. */
const FULL_FOR = 30 * SECOND
/** For a mailbox with room, if the service does not report its usage. */
const ROOM_FOR = 60 * SECOND
/** For a user unknown to the service. Mail for such a user passes in any case. */
const NO_SUCH_USER_FOR = 300 * SECOND

/**
 * Returns the milliseconds for which an answer holds. Up to `soft` (a share of the quota, 0 to 1)
 * that is an hour. From there on the time falls exponentially, to five seconds for a mailbox that
 * is nearly full. The answer `unknown` does not hold at all.
 */
function lifetimeOf(answer: QuotaAnswer, soft: number): number {
  switch (answer.status) {
    case 'room':
      return lifetimeOfRoom(answer.usage, soft)
    case 'full':
      return FULL_FOR
    case 'no-such-user':
      return NO_SUCH_USER_FOR
    case 'unknown':
      return 0
  }
}

function lifetimeOfRoom(usage: Usage | undefined, soft: number): number {
  if (usage === undefined) return ROOM_FOR
  if (usage.quota === undefined) return MUCH_ROOM_FOR
  const fill = usage.size / usage.quota
  if (fill < soft) return MUCH_ROOM_FOR
  if (fill >= 1) return NEARLY_FULL_FOR
  const share = (fill - soft) / (1 - soft) // of the way from `soft` to full
  return MUCH_ROOM_FOR * (NEARLY_FULL_FOR / MUCH_ROOM_FOR) ** share
}
