import type { QuotaAnswer, Usage } from '../answer.ts'

/** Milliseconds. */
const SECOND = 1000
/** Of a mailbox with much room, or without a quota. */
export const LONGEST = 3600 * SECOND
/** Of one that is all but full. */
export const SHORTEST = 5 * SECOND
/** Of a full one: who makes room should not wait for long. */
export const FULL = 30 * SECOND
/** Where the service does not tell how full it is. */
export const PLAIN = 60 * SECOND
/** Of a user whom the service does not know, whose mail passes in any case. */
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
