import type { Header } from '../../../mail/message/header-block.ts'
import type { Message } from '../../../mail/message/message.ts'
import type { ScanSettings } from '../../scanners/contract/scan-settings.ts'
import type { IsTolerated, Scanner } from '../../scanners/contract/scanner.ts'
import type { Infected, ScanResult } from '../../scanners/findings/scan-result.ts'
import type { ScanRun } from '../../scanners/run/scan-run.ts'

/** The verdict of scanners about a message, which applies to its copies for a while. */
export interface CachedVerdict {
  readonly found: { readonly answer: 'clean' } | (Infected & { readonly scanner: string })
  /** Names of the scanners that ran, as in a stamp's `s=`. */
  readonly scanners: readonly string[]
  /** The versions of their signatures before the scan (signature-version.ts). */
  readonly signatures: string
  /** When the scan began, unix seconds. */
  readonly time: number
  /** The host that scanned. */
  readonly host: string
}

/** A message that is to be scanned, unless there is a verdict on a copy. */
export interface VerdictQuery {
  readonly message: Pick<Message, 'form' | 'header' | 'body'>
  /** Whether a verdict applies to the same bytes alone, and not to a copy of a message. */
  readonly isByBytes: boolean
  /** The header that goes out. */
  readonly outgoing: Header
  /** All scanners for the message, in their order. */
  readonly scanners: readonly Scanner[]
  readonly settings: ScanSettings
  /** Milliseconds that are left for all scans of the message together, and one at least. */
  readonly timeLeft: () => number
  /** Aborted when no client waits for the result any longer. */
  readonly gone: AbortSignal | undefined
  /** Set if there is an exception. */
  readonly isTolerated?: IsTolerated | undefined
  /** Seconds. An older verdict is not used for this message, whatever the limit of the cache is. */
  readonly maxAge: number
}

/**
 * Scans a message with these scanners, within its remaining time, and with another header if one is given.
 * The other options are those of ScanRun.
 */
export type ScanMessage = (
  scanners: readonly Scanner[],
  more?: Pick<ScanRun, 'signatures' | 'onPermit'> & { readonly header?: Header },
) => Promise<ScanResult>

/** A result, and the cached verdict that it comes from, if any. */
export interface CachedOrScanned {
  readonly result: ScanResult
  readonly cached?: CachedVerdict
}
