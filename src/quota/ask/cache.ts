import { createLruCache } from '../../ground/flow/lru-cache.ts'
import type { QuotaAnswer, Sourced, Usage } from './quota-answer.ts'

/**
 * An answer with its question. It serves all questions of the same moment, and perhaps later ones.
 */
export interface GivenAnswer extends Sourced {
  /** Bytes that the question was about; undefined if the service is not told of any. */
  readonly incoming: number | undefined
  /**
   * Milliseconds: when it was given, and until when it holds. Both are the same for an answer that
   * is not kept.
   */
  readonly at: number
  readonly until: number
}

interface QuotaCache {
  /** What holds for a mailbox at this time. */
  get(name: string, now: number): GivenAnswer | undefined
  set(name: string, given: GivenAnswer): void
  readonly size: number
}

/** Keeps `max` mailboxes at most; the least recently asked ones make room. */
export function createQuotaCache(max: number): QuotaCache {
  const byName = createLruCache<GivenAnswer>(max)
  return {
    get(name, now) {
      const known = byName.get(name)
      if (known === undefined || known.until > now) return known
      byName.delete(name)
      return undefined
    },
    set: byName.set,
    get size() {
      return byName.size
    },
  }
}

export function givenAnswer(
  answer: QuotaAnswer,
  about: Pick<GivenAnswer, 'source' | 'incoming' | 'at'>,
  soft: number,
): GivenAnswer {
  const isNobodys = answer.answer === 'no-such-user'
  return { ...about, answer, isNobodys, until: about.at + lifetimeOf(answer, soft) }
}

/**
 * What an answer says about `incoming` bytes, or undefined if it was an answer to
 * another question: the service has to be asked. An answer that is older than `FULL` defers
 * no recipient, since there may be room by now.
 */
export function answerFor(
  given: GivenAnswer,
  incoming: number,
  now: number,
): QuotaAnswer | undefined {
  const { answer, incoming: asked = incoming } = given
  if (answer.answer === 'full') return incoming >= asked ? answer : undefined
  if (answer.answer !== 'room') return answer
  const { usage } = answer
  if (usage === undefined) return incoming <= asked ? answer : undefined
  if (usage.quota === undefined || usage.size + incoming <= usage.quota) return answer
  // A size that is larger than what is left is not what the service was asked about.
  return now - given.at < FULL ? { answer: 'full', usage } : undefined
}

/** Milliseconds. */
const SECOND = 1000
/** For a mailbox with much room, or without a quota. */
export const LONGEST = 3600 * SECOND
/** For one that is nearly full. */
export const SHORTEST = 5 * SECOND
/** For a full one: a user who makes room should not wait for long. */
export const FULL = 30 * SECOND
/** If the service does not say how full it is. */
export const PLAIN = 60 * SECOND
/** For a user whom the service does not know: that mail passes in any case. */
export const NO_SUCH_USER = 300 * SECOND

/**
 * Milliseconds for which an answer holds: an hour below `soft` (a share of the quota, 0 to
 * 1), from there on shorter by the same factor for each step towards full. Nothing for an
 * answer that says nothing.
 */
export function lifetimeOf(answer: QuotaAnswer, soft: number): number {
  switch (answer.answer) {
    case 'room':
      return lifetimeOfRoom(answer.usage, soft)
    case 'full':
      return FULL
    case 'no-such-user':
      return NO_SUCH_USER
    case 'unknown':
      return 0
  }
}

function lifetimeOfRoom(usage: Usage | undefined, soft: number): number {
  if (usage === undefined) return PLAIN
  if (usage.quota === undefined) return LONGEST
  const fill = usage.size / usage.quota
  if (fill < soft) return LONGEST
  if (fill >= 1) return SHORTEST
  const way = (fill - soft) / (1 - soft)
  return LONGEST * (SHORTEST / LONGEST) ** way
}
