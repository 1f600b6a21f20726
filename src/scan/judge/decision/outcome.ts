import type { HeaderField } from '../../../mail/message/header-block.ts'
import type { Scanner } from '../../scanners/contract/scanner.ts'
import { NO_STAMP, type Trust } from '../../stamps/verify.ts'
import type { CachedOrScanned } from '../../verdicts/copies/cached-verdict.ts'
import type { DecisionDetails } from './decision.ts'

/** The result of the scanners, or the cached verdict on a copy, with notes for the log. */
export interface ScanOutcome extends CachedOrScanned {
  /** The scanners whose result it is, in their order. */
  readonly scanners: readonly Scanner[]
  readonly notes: readonly string[]
  /** The oddities of the message (mail/mime/traits/oddities.ts), if it was read for them. */
  readonly oddities: ReadonlySet<string>
}

/** A stamp, and the id of the key that made it. */
export interface OwnStamp {
  readonly field: HeaderField
  readonly key: string
}

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
