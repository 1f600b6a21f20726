import { NO_STAMP, type Trust } from '../cluster/verify.ts'
import type { ScanResult } from '../scan/shared/scan-result.ts'
import type { Findings } from './decision.ts'
import type { OwnStamp } from './stamp-scanned.ts'

/** The results of all stages of the judgement. */
export interface Outcome {
  readonly trust: Trust
  readonly scan: ScanResult
  /** The host that scanned a copy, and seconds since then; set if the result is that of a copy. */
  readonly known?: { readonly host: string; readonly age: number } | undefined
  /** The oddities of the message (mime/shared/oddities.ts), if it was read for them. */
  readonly oddities: ReadonlySet<string>
  readonly stamp: OwnStamp | undefined
  /**
   * Lower-case names of the fields that are removed: scanners and the stamp saw the message without
   * them.
   */
  readonly remove: readonly string[]
  /** Remarks for the log. */
  readonly notes: readonly string[]
  /** Milliseconds per stage. */
  readonly times: Readonly<Record<string, number>>
}

/** Summarises an outcome for the log. */
export function findingsOf(outcome: Outcome): Findings {
  const { trust, scan, known, oddities, stamp, times } = outcome
  const key = trust.trusted ? trust.key : stamp?.key
  return {
    scan: scanWordOf(outcome),
    why: reasonsOf(outcome).join('; '),
    times,
    ...(oddities.size > 0 && { odd: [...oddities].join(',') }),
    ...(key !== undefined && { key }),
    ...foundBy(scan),
    ...(known && { by: known.host, age: Math.max(0, known.age) }),
  }
}

function scanWordOf({ trust, scan, known }: Outcome): Findings['scan'] {
  if (known !== undefined) return 'known'
  switch (scan.answer) {
    case 'clean':
      return trust.trusted && scan.scanners.every(({ local }) => local) ? 'trusted' : 'clean'
    case 'nested':
    case 'crowded':
    case 'strange':
      return 'skipped'
    default:
      return scan.answer
  }
}

function reasonsOf({ trust, scan, notes }: Outcome): string[] {
  const why = [...notes]
  // Most mail has no stamp.
  if (!trust.trusted && trust.why !== '' && trust.why !== NO_STAMP) why.push(trust.why)
  if ('why' in scan) why.push(scan.why)
  return why
}

/** Tells which scanners gave the result, and what they found. */
function foundBy(scan: ScanResult): Partial<Findings> {
  switch (scan.answer) {
    case 'clean':
      if (scan.scanners.length === 0) return {}
      return { scanner: scan.scanners.map(({ name }) => name).join(',') }
    case 'infected':
      return { scanner: scan.scanner, [scan.banned ? 'banned' : 'virus']: scan.name }
    case 'unknown':
      return { cause: scan.cause }
    default:
      return {}
  }
}
