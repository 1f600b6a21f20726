import type { IsPassedOver } from '../contract/scanner.ts'
import {
  clean,
  type ScanResult,
  type Unread,
  type UnreadResult,
  unknown,
  worse,
} from '../findings/scan-result.ts'

/** The effect of scanner results on a message. */
export interface Weights {
  /** The unread parts that end the scan. Other unread parts are ignored. */
  readonly keepsOut: ReadonlySet<Unread>
  /**
   * Called with each limit that was reached. Set if limits are ignored, because the bytes may not be a message.
   */
  readonly passLimit?: ((why: string) => void) | undefined
  readonly isPassedOver?: IsPassedOver | undefined
  /**
   * Returns how strictly a message is treated for a result that does not end the scan, and for an unknown
   * answer; of several results the strictest applies. Without it, all are equal.
   */
  readonly strictness?: (result: ScanResult) => number
}

/**
 * Collects the results about a message until one ends the scan. Other results are ignored, because a worse
 * one may follow.
 */
export class ResultCollector {
  readonly #weights: Weights
  /** The worst of what was passed over: what was found and does not end a scan, or was not seen and may pass. */
  #tolerated: ScanResult = clean
  #hasPassedOver = false
  /** The first limit that was put aside. */
  #limit: UnreadResult | undefined
  /** Set if the message contains more than is read, and this keeps it out. */
  #unreadContents: ScanResult | undefined

  constructor(weights: Weights) {
    this.#weights = weights
  }

  /** Returns the result if it ends the scan, and otherwise ignores it and returns undefined. */
  take(result: ScanResult): ScanResult | undefined {
    const { isPassedOver, keepsOut, passLimit } = this.#weights
    if (result.answer === 'clean') return undefined
    if (passLimit && isLimit(result)) {
      passLimit(result.why)
      return undefined
    }
    if (result.answer === 'unknown') return this.#isMilder(result) ? this.#tolerated : result
    if (result.answer === 'infected' && !isPassedOver?.(result)) return result
    // A message with encrypted parts may also contain a virus.
    const isProperty = result.answer === 'unread' && result.what === 'encrypted'
    if (result.answer === 'unread' && !isProperty && keepsOut.has(result.what)) {
      // With OVERSIZE=defer that counts as no answer: SCANFAIL decides then.
      return result.what === 'size' ? unknown(result.why, 'limit') : result
    }
    this.#passOver(result)
    return undefined
  }

  /**
   * Takes the limit of depth or of contents that a scanner has named about bytes that it calls clean as a text.
   * It decides unless all of their contents were scanned separately.
   */
  putAside(limit: UnreadResult): void {
    this.#limit ??= limit
  }

  /**
   * Notes that the message contains more than is read. `limit` names the limit for the sender. This is the
   * result only without another finding. Returns whether it keeps the message out.
   */
  takeUnread(why: string, limit: string): boolean {
    const result = this.take({ answer: 'unread', what: 'contents', why, limit })
    this.#unreadContents ??= result
    return result !== undefined
  }

  /** Whether all results so far were clean. */
  get isAllClean(): boolean {
    const isNothingHeld = this.#limit === undefined && this.#unreadContents === undefined
    return isNothingHeld && this.#tolerated.answer === 'clean'
  }

  /** Whether limits do not count. */
  get passesLimits(): boolean {
    return this.#weights.passLimit !== undefined
  }

  /** Whether a finding was ignored. It may hide another one. */
  get hasPassedOver(): boolean {
    return this.#hasPassedOver
  }

  /**
   * Returns the result of a scan that nothing has ended. A postponed limit is ignored if it cannot hide
   * anything. That is so if the message was read to its end, no deeper than scanners read, and each of its
   * contents was clean. Contents left to the scan of the whole are unchanged there, so the scan of the same
   * bytes as a text has covered them.
   */
  conclude(isReadToEnd: boolean, note: (text: string) => void): ScanResult {
    if (this.#unreadContents !== undefined) return this.#unreadContents
    if (this.#limit === undefined) return this.#tolerated
    const isAllClean = isReadToEnd && this.#tolerated.answer === 'clean'
    if (!isAllClean) return this.take(this.#limit) ?? this.#tolerated
    note(`${this.#limit.why}, but each part is clean`)
    return this.#tolerated
  }

  /** Returns whether a message is treated less strictly for this result than for the ignored one. */
  #isMilder(result: ScanResult): boolean {
    return this.#strictnessOf(result) < this.#strictnessOf(this.#tolerated)
  }

  #passOver(result: ScanResult): void {
    if (result.answer === 'infected') this.#hasPassedOver = true
    if (this.#isMilder(result)) return
    const isEqual = this.#strictnessOf(result) === this.#strictnessOf(this.#tolerated)
    this.#tolerated = isEqual ? worse(this.#tolerated, result) : result
  }

  #strictnessOf(result: ScanResult): number {
    return this.#weights.strictness?.(result) ?? 0
  }
}

/** Returns whether a message contains more than was read. */
function isLimit(result: ScanResult): result is Extract<ScanResult, { why: string }> {
  if (result.answer === 'unknown') return result.cause === 'limit'
  return result.answer === 'unread' && result.what !== 'encrypted' && result.what !== 'skipped'
}
