import type { LeftUnread } from '../../../../mail/mime/index.ts'
import {
  clean,
  isUntolerated,
  type ScanResult,
  type Tolerance,
  type UnreadResult,
  unknown,
  worse,
} from '../findings/scan-result.ts'

/**
 * Collects the results about a message until one ends the scan. Other results are tolerated, because a worse
 * one may follow.
 */
export class ResultCollector {
  readonly #tolerance: Tolerance
  readonly #note: (text: string) => void
  /** The worst of the tolerated results, which is the result if nothing ends the scan. */
  #tolerated: ScanResult = clean
  #hasToleratedFinding = false
  /** The first postponed limit. */
  #postponed: UnreadResult | undefined
  /** Set if the message contains more than is read, and this keeps it out. */
  #unreadContents: ScanResult | undefined

  /** `note` receives remarks for the log line of the message. */
  constructor(tolerance: Tolerance, note: (text: string) => void) {
    this.#tolerance = tolerance
    this.#note = note
  }

  /** Returns the result if it ends the scan, and otherwise tolerates it and returns undefined. */
  record(result: ScanResult): ScanResult | undefined {
    const { keepsOut, toleratesLimits } = this.#tolerance
    if (result.answer === 'clean') return undefined
    if (toleratesLimits && isLimit(result)) {
      this.#note(`limit ignored for one attachment: ${result.reason}`)
      return undefined
    }
    if (result.answer === 'unknown') return this.#isMilder(result) ? this.#tolerated : result
    if (isUntolerated(result, this.#tolerance)) return result
    // A message with encrypted parts may also contain a virus.
    const isProperty = result.answer === 'unread' && result.kind === 'encrypted'
    if (result.answer === 'unread' && !isProperty && keepsOut.has(result.kind)) {
      // With OVERSIZE=defer that counts as no answer: SCANFAIL decides then.
      return result.kind === 'size' ? unknown(result.reason, 'limit') : result
    }
    this.#tolerate(result)
    return undefined
  }

  /**
   * Postpones the limit of depth or of contents that a scanner has named about bytes that it calls clean as a
   * text. It ends the scan unless all of their contents were scanned separately.
   */
  postponeLimit(limit: UnreadResult): void {
    this.#postponed ??= limit
  }

  /**
   * Notes that the message contains more than is read. This is the result only without another finding. Returns
   * whether it keeps the message out.
   */
  recordUnread({ reason: limit, cause }: LeftUnread): boolean {
    const kind = cause === 'limit' ? 'contents' : cause
    const reason = `second look: ${limit}`
    const result = this.record({ answer: 'unread', kind, reason, limit })
    this.#unreadContents ??= result
    return result !== undefined
  }

  /** Whether a finding was tolerated. It may hide another one. */
  get hasToleratedFinding(): boolean {
    return this.#hasToleratedFinding
  }

  /**
   * Returns the result of a scan that nothing has ended. A postponed limit is tolerated if it cannot hide
   * anything. That is so if the message was read to its end, no deeper than scanners read, and each of its
   * contents was clean. Contents left to the scan of the whole are unchanged there, so the scan of the same
   * bytes as a text has covered them.
   */
  conclude(isReadToEnd: boolean): ScanResult {
    if (this.#unreadContents !== undefined) return this.#unreadContents
    if (this.#postponed === undefined) return this.#tolerated
    const isAllClean = isReadToEnd && isCleanOrEncrypted(this.#tolerated)
    if (!isAllClean) return this.record(this.#postponed) ?? this.#tolerated
    this.#note(`${this.#postponed.reason}, but each part is clean`)
    return this.#tolerated
  }

  /** Returns whether a message is treated less strictly for this result than for the tolerated one. */
  #isMilder(result: ScanResult): boolean {
    return this.#strictnessOf(result) < this.#strictnessOf(this.#tolerated)
  }

  #tolerate(result: ScanResult): void {
    if (result.answer === 'infected') this.#hasToleratedFinding = true
    if (this.#isMilder(result)) return
    const isEqual = this.#strictnessOf(result) === this.#strictnessOf(this.#tolerated)
    this.#tolerated = isEqual ? worse(this.#tolerated, result) : result
  }

  #strictnessOf(result: ScanResult): number {
    return this.#tolerance.strictness?.(result) ?? 0
  }
}

/** Returns whether nothing was found in what can be read. */
function isCleanOrEncrypted(result: ScanResult): boolean {
  return result.answer === 'clean' || (result.answer === 'unread' && result.kind === 'encrypted')
}

/** Returns whether a message contains more than was read. */
function isLimit(result: ScanResult): result is Extract<ScanResult, { reason: string }> {
  if (result.answer === 'unknown') return result.cause === 'limit'
  return result.answer === 'unread' && result.kind !== 'encrypted' && result.kind !== 'skipped'
}
