import type { QuotaAnswer } from '../answer.ts'
import { FULL, lifetimeOf } from './lifetime.ts'

/** An answer that was given, and to what. */
export interface Known {
  readonly answer: QuotaAnswer
  /** Bytes that it was asked for; undefined where the service is told of none. */
  readonly incoming: number | undefined
  /** Which backend said so. */
  readonly source: string
  /** Milliseconds: when it was given, and until when it holds. */
  readonly at: number
  readonly until: number
}

export interface QuotaCache {
  /** What holds for a mailbox at this time. */
  get(name: string, now: number): Known | undefined
  set(name: string, known: Known): void
  readonly size: number
}

/** Keeps the `max` mailboxes that were asked for last. */
export function createQuotaCache(max: number): QuotaCache {
  const byName = new Map<string, Known>() // in the order of their last use
  return {
    get(name, now) {
      const known = byName.get(name)
      if (known === undefined) return undefined
      byName.delete(name)
      if (known.until <= now) return undefined
      byName.set(name, known)
      return known
    },
    set(name, known) {
      byName.delete(name)
      if (max > 0) byName.set(name, known)
      if (byName.size > max) byName.delete(byName.keys().next().value!)
    },
    get size() {
      return byName.size
    },
  }
}

export function remember(
  answer: QuotaAnswer,
  about: { readonly incoming: number | undefined; readonly source: string; readonly at: number },
  soft: number,
): Known {
  return { ...about, answer, until: about.at + lifetimeOf(answer, soft) }
}

/**
 * What an answer says about `incoming` bytes, or undefined where it was an answer to
 * another question: the service has to be asked. Nobody is refused by an answer that is
 * older than that of a full mailbox may be, for there may be room by now.
 */
export function answerFor(known: Known, incoming: number, now: number): QuotaAnswer | undefined {
  const { answer, incoming: asked = incoming } = known
  if (answer.answer === 'full') return incoming >= asked ? answer : undefined
  if (answer.answer !== 'room') return answer
  const { usage } = answer
  if (usage === undefined) return incoming <= asked ? answer : undefined
  if (usage.quota === undefined || usage.size + incoming <= usage.quota) return answer
  // What is larger than what is left was not what the service was asked about.
  return now - known.at < FULL ? { answer: 'full', usage } : undefined
}
