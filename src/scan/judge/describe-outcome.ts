import { NO_STAMP, type Trust } from '../stamps/verify.ts'
import type { DecisionDetails } from './decision.ts'
import type { ScanOutcome } from './scan-uncovered.ts'
import type { OwnStamp } from './stamp-scanned.ts'

/** The results and notes of all stages of the judgement. */
export interface Outcome extends ScanOutcome {
  readonly trust: Trust
  readonly stamp: OwnStamp | undefined
  /**
   * Lower-case names of the fields that are removed: scanners and the stamp saw the message without
   * them.
   */
  readonly remove: readonly string[]
  /** Milliseconds per stage. */
  readonly times: Readonly<Record<string, number>>
  /** Unix seconds at the end of the judgement. */
  readonly now: number
}

/** Summarises an outcome for the log. */
export function detailsOf(outcome: Outcome): DecisionDetails {
  const { trust, cached, oddities, stamp, times, now } = outcome
  const key = trust.trusted ? trust.key : stamp?.key
  return {
    scan: scanWordOf(outcome),
    why: reasonsOf(outcome).join('; '),
    times,
    ...(oddities.size > 0 && { odd: [...oddities].join(',') }),
    ...(key !== undefined && { key }),
    ...foundBy(outcome),
    ...(cached && { by: cached.host, age: Math.max(0, now - cached.time) }),
  }
}

function scanWordOf({ trust, result, scanners, cached }: Outcome): DecisionDetails['scan'] {
  if (cached !== undefined) return 'cached'
  if (result.answer === 'unread') return 'skipped'
  const isCovered = trust.trusted && scanners.every(({ isPolicy }) => isPolicy)
  return result.answer === 'clean' && isCovered ? 'trusted' : result.answer
}

function reasonsOf({ trust, result, notes }: Outcome): string[] {
  const why = [...notes]
  // Most mail has no stamp.
  if (!trust.trusted && trust.why !== '' && trust.why !== NO_STAMP) why.push(trust.why)
  if ('why' in result) why.push(result.why)
  return why
}

/** Returns which scanners gave the result, and what they found. */
function foundBy({ result, scanners }: Outcome): Partial<DecisionDetails> {
  switch (result.answer) {
    case 'clean':
      return scanners.length === 0 ? {} : { scanner: scanners.map(({ name }) => name).join(',') }
    case 'infected': {
      const { scanner, name, banned } = result
      return { ...(scanner && { scanner }), [banned ? 'banned' : 'virus']: name }
    }
    case 'unknown':
      return { cause: result.cause }
    case 'unread':
      return {}
  }
}
